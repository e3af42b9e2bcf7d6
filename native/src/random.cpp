// The random state of a device, so that a run can be seeded and resumed to the bit.
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <torch/version.h>

#include <cstring>
#include <mutex>

#include "state.h"

namespace icv {
namespace {

at::Generator generatorOf(Call& call, napi_value device) {
  return at::globalContext().defaultGenerator(c10::Device(toText(call.env, device)));
}

/** manualSeed(seed): every device's generator. */
napi_value manualSeed(Call& call) {
  at::manual_seed(static_cast<uint64_t>(toInteger(call.env, call.args[0])));
  return undefined(call.env);
}

/**
 * useDeterministicKernels(): on a GPU the fastest kernels add up in any order, and then the same seed gives other bits.
 * A kernel that has no deterministic form runs all the same, with PyTorch's warning.
 */
napi_value useDeterministicKernels(Call& call) {
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicAlgorithms(true, true);
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  at::globalContext().setDeterministicFillUninitializedMemory(false);
#endif
  return undefined(call.env);
}

/** rngState(device) -> Uint8Array */
napi_value rngState(Call& call) {
  at::Generator generator = generatorOf(call, call.args[0]);
  std::lock_guard<std::mutex> lock(generator.mutex());
  const at::Tensor state = generator.get_state().contiguous();
  void* bytes;
  napi_value buffer;
  napi_value array;
  check(call.env, napi_create_arraybuffer(call.env, state.nbytes(), &bytes, &buffer), "not enough memory");
  std::memcpy(bytes, state.data_ptr(), state.nbytes());
  check(call.env, napi_create_typedarray(call.env, napi_uint8_array, state.nbytes(), buffer, 0, &array), "cannot create a typed array");
  return array;
}

/** setRngState(device, bytes) */
napi_value setRngState(Call& call) {
  at::Generator generator = generatorOf(call, call.args[0]);
  const View view = viewOf(call.env, call.args[1]);
  if (view.type != napi_uint8_array) throw std::invalid_argument("expected a Uint8Array");
  const at::Tensor state = at::empty({static_cast<int64_t>(view.length)}, at::TensorOptions(at::kByte));
  std::memcpy(state.data_ptr(), view.data, view.length);
  std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
  return undefined(call.env);
}

}  // namespace

void exportRandom(napi_env env, napi_value exports, State& state) {
  exportFunction(env, exports, state, "manualSeed", manualSeed);
  exportFunction(env, exports, state, "useDeterministicKernels", useDeterministicKernels);
  exportFunction(env, exports, state, "rngState", rngState);
  exportFunction(env, exports, state, "setRngState", setRngState);
}

}  // namespace icv
