// Numbers between JavaScript's typed arrays and tensors on any device.
#include <ATen/ATen.h>
#include <c10/core/Device.h>

#include <cstring>

#include "state.h"

namespace icv {
namespace {

at::ScalarType scalarType(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array: return at::kFloat;
    case napi_float64_array: return at::kDouble;
    case napi_bigint64_array: return at::kLong;
    case napi_int32_array: return at::kInt;
    case napi_uint8_array:
    case napi_uint8_clamped_array: return at::kByte;
    default: throw std::invalid_argument("expected a Float32Array, Float64Array, BigInt64Array, Int32Array or Uint8Array");
  }
}

/** A tensor over the typed array's own memory, only for use within the call. */
at::Tensor borrow(Call& call, napi_value array, const std::vector<int64_t>& shape) {
  const View view = viewOf(call.env, array);
  int64_t count = 1;
  for (int64_t n : shape) count *= n;
  if (count != static_cast<int64_t>(view.length)) {
    throw std::invalid_argument("shape holds " + std::to_string(count) + " numbers, the array " + std::to_string(view.length));
  }
  // An empty typed array may have no address, and from_blob refuses null.
  if (view.length == 0) return at::empty(shape, at::TensorOptions(scalarType(view.type)));
  return at::from_blob(view.data, shape, at::TensorOptions(scalarType(view.type)));
}

/** fromHost(typedArray, shape, dtype, device) -> handle; the data is copied. */
napi_value fromHost(Call& call) {
  const at::Tensor source = borrow(call, call.args[0], toIntegers(call.env, call.args[1]));
  const auto dtype = static_cast<at::ScalarType>(toInteger(call.env, call.args[2]));
  const c10::Device device(toText(call.env, call.args[3]));
  return fromNumber(call.env, call.state.handles.add(source.to(at::TensorOptions(dtype).device(device), false, true)));
}

/** overwrite(handle, typedArray): new values in place, autograd not told. */
napi_value overwrite(Call& call) {
  at::Tensor target = call.state.handles.get(toInteger(call.env, call.args[0])).detach();
  target.copy_(borrow(call, call.args[1], target.sizes().vec()));
  return undefined(call.env);
}

/** toHost(handle, wholeNumbers) -> Float32Array, or BigInt64Array when whole numbers are asked for. */
napi_value toHost(Call& call) {
  const at::Tensor& tensor = call.state.handles.get(toInteger(call.env, call.args[0]));
  const bool whole = toBool(call.env, call.args[1]);
  const at::Tensor host = tensor.detach().to(at::TensorOptions(whole ? at::kLong : at::kFloat).device(at::kCPU)).contiguous();
  void* bytes;
  napi_value buffer;
  napi_value array;
  check(call.env, napi_create_arraybuffer(call.env, host.nbytes(), &bytes, &buffer), "not enough memory to read the tensor");
  if (host.nbytes() > 0) std::memcpy(bytes, host.data_ptr(), host.nbytes());
  check(call.env, napi_create_typedarray(call.env, whole ? napi_bigint64_array : napi_float32_array, host.numel(), buffer, 0, &array),
        "cannot create a typed array");
  return array;
}

/** describe(handle) -> [dtype, ...shape] */
napi_value describe(Call& call) {
  const at::Tensor& tensor = call.state.handles.get(toInteger(call.env, call.args[0]));
  const auto sizes = tensor.sizes();
  napi_value result = newArray(call.env, sizes.size() + 1);
  setAt(call.env, result, 0, fromNumber(call.env, static_cast<double>(tensor.scalar_type())));
  for (size_t i = 0; i < sizes.size(); i++) setAt(call.env, result, i + 1, fromNumber(call.env, static_cast<double>(sizes[i])));
  return result;
}

}  // namespace

void exportHost(napi_env env, napi_value exports, State& state) {
  exportFunction(env, exports, state, "fromHost", fromHost);
  exportFunction(env, exports, state, "overwrite", overwrite);
  exportFunction(env, exports, state, "toHost", toHost);
  exportFunction(env, exports, state, "describe", describe);
}

}  // namespace icv
