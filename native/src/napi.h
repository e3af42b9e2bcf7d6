// Small helpers over the C interface of Node-API: arguments in, values out, C++ exceptions to JS errors.
#pragma once
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace icv {

struct State;

inline void check(napi_env env, napi_status status, const char* what) {
  if (status != napi_ok) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) throw std::invalid_argument(what);
    throw std::invalid_argument("a JavaScript exception is pending");
  }
}

/** One call from JavaScript: at most 8 arguments, missing ones are undefined. */
struct Call {
  napi_env env;
  State& state;
  napi_value args[8];
};

napi_value undefined(napi_env env);
napi_valuetype typeOf(napi_env env, napi_value v);
double toNumber(napi_env env, napi_value v);
int64_t toInteger(napi_env env, napi_value v);
std::string toText(napi_env env, napi_value v);
bool toBool(napi_env env, napi_value v);
bool isArray(napi_env env, napi_value v);
uint32_t arrayLength(napi_env env, napi_value v);
napi_value arrayAt(napi_env env, napi_value v, uint32_t i);

napi_value fromNumber(napi_env env, double v);
napi_value fromText(napi_env env, const std::string& v);
napi_value fromBool(napi_env env, bool v);
napi_value newArray(napi_env env, size_t length);
void setAt(napi_env env, napi_value array, size_t i, napi_value v);
void setKey(napi_env env, napi_value object, const char* key, napi_value v);

/** A borrowed view of a typed array's bytes; valid until the call returns. */
struct View {
  napi_typedarray_type type;
  size_t length;
  void* data;
};
bool isTypedArray(napi_env env, napi_value v);
View viewOf(napi_env env, napi_value v);

using Handler = napi_value (*)(Call&);
/** Wraps a handler so that every C++ exception becomes a JS error with a single-line message. */
void exportFunction(napi_env env, napi_value exports, State& state, const char* name, Handler handler);

}  // namespace icv
