#include "napi.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "state.h"

namespace icv {

napi_value undefined(napi_env env) {
  napi_value v;
  napi_get_undefined(env, &v);
  return v;
}

napi_valuetype typeOf(napi_env env, napi_value v) {
  napi_valuetype type;
  check(env, napi_typeof(env, v, &type), "unreadable value");
  return type;
}

double toNumber(napi_env env, napi_value v) {
  double out;
  check(env, napi_get_value_double(env, v, &out), "expected a number");
  return out;
}

int64_t toInteger(napi_env env, napi_value v) {
  const double x = toNumber(env, v);
  if (x != std::trunc(x)) {
    std::ostringstream found;
    found << "expected a whole number, found " << x;
    throw std::invalid_argument(found.str());
  }
  return static_cast<int64_t>(x);
}

std::string toText(napi_env env, napi_value v) {
  size_t length;
  check(env, napi_get_value_string_utf8(env, v, nullptr, 0, &length), "expected a string");
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, v, text.data(), length + 1, &length), "expected a string");
  return text;
}

bool toBool(napi_env env, napi_value v) {
  bool out;
  check(env, napi_get_value_bool(env, v, &out), "expected true or false");
  return out;
}

bool isArray(napi_env env, napi_value v) {
  bool out;
  check(env, napi_is_array(env, v, &out), "unreadable value");
  return out;
}

uint32_t arrayLength(napi_env env, napi_value v) {
  uint32_t length;
  check(env, napi_get_array_length(env, v, &length), "expected an array");
  return length;
}

napi_value arrayAt(napi_env env, napi_value v, uint32_t i) {
  napi_value item;
  check(env, napi_get_element(env, v, i, &item), "unreadable array element");
  return item;
}

napi_value fromNumber(napi_env env, double v) {
  napi_value out;
  check(env, napi_create_double(env, v, &out), "cannot create a number");
  return out;
}

napi_value fromText(napi_env env, const std::string& v) {
  napi_value out;
  check(env, napi_create_string_utf8(env, v.data(), v.size(), &out), "cannot create a string");
  return out;
}

napi_value fromBool(napi_env env, bool v) {
  napi_value out;
  check(env, napi_get_boolean(env, v, &out), "cannot create a boolean");
  return out;
}

napi_value newArray(napi_env env, size_t length) {
  napi_value out;
  check(env, napi_create_array_with_length(env, length, &out), "cannot create an array");
  return out;
}

void setAt(napi_env env, napi_value array, size_t i, napi_value v) {
  check(env, napi_set_element(env, array, static_cast<uint32_t>(i), v), "cannot fill an array");
}

void setKey(napi_env env, napi_value object, const char* key, napi_value v) {
  check(env, napi_set_named_property(env, object, key, v), "cannot fill an object");
}

bool isTypedArray(napi_env env, napi_value v) {
  bool out;
  check(env, napi_is_typedarray(env, v, &out), "unreadable value");
  return out;
}

View viewOf(napi_env env, napi_value v) {
  View view;
  napi_value buffer;
  size_t offset;
  check(env, napi_get_typedarray_info(env, v, &view.type, &view.length, &view.data, &buffer, &offset), "expected a typed array");
  return view;
}

std::vector<int32_t> toHandles(napi_env env, napi_value v) {
  if (isTypedArray(env, v)) {
    const View view = viewOf(env, v);
    if (view.type != napi_int32_array) throw std::invalid_argument("expected an Int32Array of handles");
    const auto* data = static_cast<const int32_t*>(view.data);
    return std::vector<int32_t>(data, data + view.length);
  }
  std::vector<int32_t> handles(arrayLength(env, v));
  for (size_t i = 0; i < handles.size(); i++) handles[i] = static_cast<int32_t>(toInteger(env, arrayAt(env, v, i)));
  return handles;
}

std::vector<at::Tensor> toTensors(Call& call, napi_value v) {
  std::vector<at::Tensor> tensors;
  for (int32_t handle : toHandles(call.env, v)) tensors.push_back(call.state.handles.get(handle));
  return tensors;
}

std::vector<int64_t> toIntegers(napi_env env, napi_value v) {
  std::vector<int64_t> out(arrayLength(env, v));
  for (size_t i = 0; i < out.size(); i++) out[i] = toInteger(env, arrayAt(env, v, i));
  return out;
}

namespace {

struct Bound {
  State& state;
  Handler handler;
};

/** PyTorch's messages run on with hints and stack traces; the first line says what was wrong. */
std::string firstLine(const std::string& message) {
  const size_t end = message.find('\n');
  return end == std::string::npos ? message : message.substr(0, end);
}

napi_value run(napi_env env, napi_callback_info info) {
  std::string problem;
  try {
    size_t argc = 8;
    napi_value args[8];
    void* data;
    check(env, napi_get_cb_info(env, info, &argc, args, nullptr, &data), "unreadable call");
    auto* bound = static_cast<Bound*>(data);
    Call call{env, bound->state, {}};
    std::copy(args, args + 8, call.args);
    return bound->handler(call);
  } catch (const c10::Error& error) {
    problem = firstLine(error.what_without_backtrace());
  } catch (const std::exception& error) {
    problem = firstLine(error.what());
  }
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, nullptr, problem.c_str());
  return nullptr;
}

}  // namespace

void exportFunction(napi_env env, napi_value exports, State& state, const char* name, Handler handler) {
  auto* bound = new Bound{state, handler};
  napi_value function;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, run, bound, &function), "cannot create a function");
  check(env, napi_add_finalizer(env, function, bound, [](napi_env, void* p, void*) { delete static_cast<Bound*>(p); }, nullptr, nullptr),
        "cannot own a function");
  setKey(env, exports, name, function);
}

}  // namespace icv
