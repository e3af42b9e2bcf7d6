// What one JavaScript environment (the main thread or a worker) owns: its tensors and its resolved operators.
#pragma once
#include <ATen/core/dispatch/Dispatcher.h>

#include <vector>

#include "handles.h"
#include "napi.h"

namespace icv {

struct State {
  Handles handles;
  std::vector<c10::OperatorHandle> operators;
};

/** Each file of the addon adds its functions. */
void exportAutograd(napi_env env, napi_value exports, State& state);
void exportAverages(napi_env env, napi_value exports, State& state);
void exportDistributed(napi_env env, napi_value exports, State& state);
void exportHost(napi_env env, napi_value exports, State& state);
void exportMemory(napi_env env, napi_value exports, State& state);
void exportRandom(napi_env env, napi_value exports, State& state);

/** Handles from an Int32Array or an array of numbers. */
std::vector<int32_t> toHandles(napi_env env, napi_value v);
std::vector<at::Tensor> toTensors(Call& call, napi_value v);
std::vector<int64_t> toIntegers(napi_env env, napi_value v);

}  // namespace icv
