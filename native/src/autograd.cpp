// PyTorch's own automatic differentiation: backward, gradients, and the switch that turns recording off.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "state.h"

namespace icv {
namespace {

/**
 * backward(root, gradient): accumulates into the gradients of every leaf that requires one; the graph is freed. `gradient` is
 * d loss / d root, or null for a root that is the loss itself.
 */
napi_value backward(Call& call) {
  const at::Tensor& root = call.state.handles.get(toInteger(call.env, call.args[0]));
  torch::autograd::variable_list gradients;
  if (typeOf(call.env, call.args[1]) == napi_number)
    gradients.push_back(call.state.handles.get(toInteger(call.env, call.args[1])));
  torch::autograd::backward({root}, gradients);
  return undefined(call.env);
}

/** grad(handle) -> handle of the accumulated gradient, or null. */
napi_value grad(Call& call) {
  const at::Tensor& gradient = call.state.handles.get(toInteger(call.env, call.args[0])).grad();
  if (gradient.defined()) return fromNumber(call.env, call.state.handles.add(gradient));
  napi_value null;
  napi_get_null(call.env, &null);
  return null;
}

/** dropGrads(handles): forgets the gradients, so the next backward starts from none. */
napi_value dropGrads(Call& call) {
  for (const at::Tensor& tensor : toTensors(call, call.args[0])) tensor.mutable_grad().reset();
  return undefined(call.env);
}

napi_value setRequiresGrad(Call& call) {
  call.state.handles.get(toInteger(call.env, call.args[0])).set_requires_grad(toBool(call.env, call.args[1]));
  return undefined(call.env);
}

napi_value requiresGrad(Call& call) {
  return fromBool(call.env, call.state.handles.get(toInteger(call.env, call.args[0])).requires_grad());
}

/** Whether a tensor has no history: one that backward ends at, or that needs no gradient. */
napi_value isLeaf(Call& call) {
  return fromBool(call.env, call.state.handles.get(toInteger(call.env, call.args[0])).is_leaf());
}

/** setGradMode(on) -> the previous setting; it belongs to the calling thread. */
napi_value setGradMode(Call& call) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(toBool(call.env, call.args[0]));
  return fromBool(call.env, before);
}

}  // namespace

void exportAutograd(napi_env env, napi_value exports, State& state) {
  exportFunction(env, exports, state, "backward", backward);
  exportFunction(env, exports, state, "grad", grad);
  exportFunction(env, exports, state, "dropGrads", dropGrads);
  exportFunction(env, exports, state, "setRequiresGrad", setRequiresGrad);
  exportFunction(env, exports, state, "requiresGrad", requiresGrad);
  exportFunction(env, exports, state, "isLeaf", isLeaf);
  exportFunction(env, exports, state, "setGradMode", setGradMode);
}

}  // namespace icv
