// Arguments and results of any operator, converted by its schema.
#pragma once
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include "state.h"

namespace icv {

/** A JavaScript value as what `type` asks for; tensors arrive as handles, undefined and null mean None. */
c10::IValue toIValue(Call& call, napi_value v, const c10::TypePtr& type);
/** Tensors become handles, None null, lists and tuples arrays. */
napi_value fromIValue(Call& call, const c10::IValue& v);

}  // namespace icv
