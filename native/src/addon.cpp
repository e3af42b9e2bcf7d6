// Any PyTorch operator by name: the schema converts the arguments, the dispatcher runs it, autograd included.
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/version.h>

#include "convert.h"
#include "memory.h"

namespace icv {
namespace {

/** resolve("aten::add", "Tensor") -> {id, arguments: name[], returns: type[]} */
napi_value resolve(Call& call) {
  const std::string name = toText(call.env, call.args[0]);
  const std::string overload = toText(call.env, call.args[1]);
  const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!found) {
    throw std::invalid_argument("libtorch " TORCH_VERSION " has no operator " + name + (overload.empty() ? "" : "." + overload));
  }
  const c10::FunctionSchema& schema = found->schema();
  call.state.operators.push_back(*found);
  napi_value result;
  napi_create_object(call.env, &result);
  setKey(call.env, result, "id", fromNumber(call.env, static_cast<double>(call.state.operators.size() - 1)));
  napi_value names = newArray(call.env, schema.arguments().size());
  for (size_t i = 0; i < schema.arguments().size(); i++) setAt(call.env, names, i, fromText(call.env, schema.arguments()[i].name()));
  setKey(call.env, result, "arguments", names);
  napi_value returns = newArray(call.env, schema.returns().size());
  for (size_t i = 0; i < schema.returns().size(); i++) setAt(call.env, returns, i, fromText(call.env, schema.returns()[i].type()->str()));
  setKey(call.env, result, "returns", returns);
  return result;
}

/** call(id, arguments[]) -> handle, number, null, or an array of them; arguments left out take the schema's default. */
napi_value dispatch(Call& call) {
  const int64_t id = toInteger(call.env, call.args[0]);
  const c10::OperatorHandle& op = call.state.operators.at(id);
  const c10::FunctionSchema& schema = op.schema();
  const auto& parameters = schema.arguments();
  const uint32_t given = arrayLength(call.env, call.args[1]);
  if (given > parameters.size()) throw std::invalid_argument("too many arguments for " + c10::toString(schema));
  torch::jit::Stack stack;
  stack.reserve(parameters.size());
  for (uint32_t i = 0; i < parameters.size(); i++) {
    const c10::Argument& parameter = parameters[i];
    napi_value value = i < given ? arrayAt(call.env, call.args[1], i) : undefined(call.env);
    const bool missing = typeOf(call.env, value) == napi_undefined;
    if (missing && parameter.default_value()) {
      stack.push_back(*parameter.default_value());
      continue;
    }
    if (missing && parameter.type()->kind() != c10::TypeKind::OptionalType) {
      throw std::invalid_argument("argument '" + parameter.name() + "' is missing");
    }
    try {
      stack.push_back(toIValue(call, value, parameter.type()));
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument("argument '" + parameter.name() + "': " + problem.what());
    }
  }
  op.callBoxed(&stack);
  if (stack.empty()) return undefined(call.env);
  if (stack.size() == 1) return fromIValue(call, stack[0]);
  napi_value results = newArray(call.env, stack.size());
  for (size_t i = 0; i < stack.size(); i++) setAt(call.env, results, i, fromIValue(call, stack[i]));
  return results;
}

/** release(handles) */
napi_value release(Call& call) {
  for (int32_t handle : toHandles(call.env, call.args[0])) call.state.handles.release(handle);
  return undefined(call.env);
}

napi_value liveTensors(Call& call) { return fromNumber(call.env, static_cast<double>(call.state.handles.live())); }

napi_value setThreads(Call& call) {
  at::set_num_threads(static_cast<int>(toInteger(call.env, call.args[0])));
  return undefined(call.env);
}

napi_value getThreads(Call& call) { return fromNumber(call.env, at::get_num_threads()); }

}  // namespace
}  // namespace icv

NAPI_MODULE_INIT() {
  using namespace icv;
  keepFreedMemory();
  auto* state = new State();
  if (napi_set_instance_data(env, state, [](napi_env, void* data, void*) { delete static_cast<State*>(data); }, nullptr) != napi_ok) {
    delete state;
    return nullptr;
  }
  try {
    exportFunction(env, exports, *state, "resolve", resolve);
    exportFunction(env, exports, *state, "call", dispatch);
    exportFunction(env, exports, *state, "release", release);
    exportFunction(env, exports, *state, "liveTensors", liveTensors);
    exportFunction(env, exports, *state, "setThreads", setThreads);
    exportFunction(env, exports, *state, "getThreads", getThreads);
    exportHost(env, exports, *state);
    exportMemory(env, exports, *state);
    exportAutograd(env, exports, *state);
    exportRandom(env, exports, *state);
    exportAverages(env, exports, *state);
    exportDistributed(env, exports, *state);
    setKey(env, exports, "version", fromText(env, TORCH_VERSION));
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return exports;
}
