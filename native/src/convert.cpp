#include "convert.h"

#include <ATen/core/List.h>
#include <c10/core/Device.h>

namespace icv {
namespace {

/** JavaScript has one number type: whole numbers become integers, which every operator promotes as it should. */
c10::Scalar toScalar(napi_env env, napi_value v) {
  if (typeOf(env, v) == napi_boolean) return c10::Scalar(toBool(env, v));
  const double x = toNumber(env, v);
  const bool whole = x == static_cast<double>(static_cast<int64_t>(x)) && x >= -9007199254740992.0 && x <= 9007199254740992.0;
  return whole ? c10::Scalar(static_cast<int64_t>(x)) : c10::Scalar(x);
}

c10::IValue toList(Call& call, napi_value v, const c10::TypePtr& element) {
  const c10::TypePtr kind = element->kind() == c10::TypeKind::SymIntType ? c10::IntType::get() : element;
  c10::impl::GenericList list(kind);
  if (isTypedArray(call.env, v)) {
    const View view = viewOf(call.env, v);
    if (view.type != napi_int32_array) throw std::invalid_argument("expected an array or an Int32Array");
    const auto* data = static_cast<const int32_t*>(view.data);
    const bool tensors = kind->kind() == c10::TypeKind::TensorType;
    list.reserve(view.length);
    for (size_t i = 0; i < view.length; i++) {
      list.push_back(tensors ? c10::IValue(call.state.handles.get(data[i])) : c10::IValue(static_cast<int64_t>(data[i])));
    }
    return list;
  }
  if (!isArray(call.env, v)) throw std::invalid_argument("expected an array");
  const uint32_t length = arrayLength(call.env, v);
  list.reserve(length);
  for (uint32_t i = 0; i < length; i++) list.push_back(toIValue(call, arrayAt(call.env, v, i), kind));
  return list;
}

}  // namespace

c10::IValue toIValue(Call& call, napi_value v, const c10::TypePtr& type) {
  napi_env env = call.env;
  switch (type->kind()) {
    case c10::TypeKind::OptionalType: {
      const napi_valuetype given = typeOf(env, v);
      if (given == napi_undefined || given == napi_null) return c10::IValue();
      return toIValue(call, v, type->castRaw<c10::OptionalType>()->getElementType());
    }
    case c10::TypeKind::TensorType:
      return call.state.handles.get(toInteger(env, v));
    case c10::TypeKind::ListType:
      return toList(call, v, type->castRaw<c10::ListType>()->getElementType());
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
    case c10::TypeKind::ScalarTypeType:
    case c10::TypeKind::LayoutType:
    case c10::TypeKind::MemoryFormatType:
      return toInteger(env, v);
    case c10::TypeKind::FloatType:
      return toNumber(env, v);
    case c10::TypeKind::BoolType:
      return toBool(env, v);
    case c10::TypeKind::NumberType:
      return toScalar(env, v);
    case c10::TypeKind::StringType:
      return toText(env, v);
    case c10::TypeKind::DeviceObjType:
      return c10::Device(toText(env, v));
    default:
      throw std::invalid_argument("arguments of type " + type->str() + " cannot be passed from JavaScript");
  }
}

napi_value fromIValue(Call& call, const c10::IValue& v) {
  napi_env env = call.env;
  if (v.isTensor()) {
    const at::Tensor& tensor = v.toTensor();
    if (tensor.defined()) return fromNumber(env, call.state.handles.add(tensor));
  }
  if (v.isNone() || v.isTensor()) {
    napi_value null;
    napi_get_null(env, &null);
    return null;
  }
  if (v.isBool()) return fromBool(env, v.toBool());
  if (v.isScalar()) return fromNumber(env, v.toScalar().toDouble());
  if (v.isString()) return fromText(env, v.toStringRef());
  if (v.isList() || v.isTuple()) {
    const std::vector<c10::IValue> items = v.isList() ? v.toListRef().vec() : std::vector<c10::IValue>(v.toTupleRef().elements());
    napi_value array = newArray(env, items.size());
    for (size_t i = 0; i < items.size(); i++) setAt(env, array, i, fromIValue(call, items[i]));
    return array;
  }
  throw std::invalid_argument("results of type " + v.tagKind() + " cannot be handed to JavaScript");
}

}  // namespace icv
