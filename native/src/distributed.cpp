// Data parallelism on PyTorch's c10d: processes that find each other, add up numbers and exchange texts.
#include <ATen/ATen.h>
#include <torch/version.h>

#include "group.h"
#include "state.h"

#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>
#include <cstring>
#ifdef INSTRUCTCV_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef INSTRUCTCV_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

namespace icv {

#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
namespace {

/** One per process, as in PyTorch; reset by leaveGroup(). */
c10::intrusive_ptr<Backend> group;
c10::intrusive_ptr<c10d::Store> store;

}  // namespace

Backend& joined() {
  if (!group) throw std::invalid_argument("no group of processes was joined");
  return *group;
}
#endif

namespace {

/** distributedBackends() -> those this addon was built with: "gloo" for the CPU, "nccl" for GPUs. */
napi_value distributedBackends(Call& call) {
  std::vector<std::string> names;
#ifdef INSTRUCTCV_GLOO
  names.push_back("gloo");
#endif
#ifdef INSTRUCTCV_NCCL
  names.push_back("nccl");
#endif
  napi_value array = newArray(call.env, names.size());
  for (size_t i = 0; i < names.size(); i++) setAt(call.env, array, i, fromText(call.env, names[i]));
  return array;
}

#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)

#ifdef INSTRUCTCV_GLOO
/** Gloo's own choice is the address of this machine's name, which in a container may lead nowhere. */
c10::intrusive_ptr<Backend> makeGloo(const std::string& host, int rank, int world, std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupGloo::Options::create();
  options->timeout = timeout;
  options->threads = 2;
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  const bool local = host == "localhost" || host.rfind("127.", 0) == 0;
  options->devices.push_back(interface  ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                             : local    ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                        : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, world, options);
}
#endif

#ifdef INSTRUCTCV_NCCL
/** With a blocking wait a rank that is gone becomes an error here after `timeout`; without, NCCL's watchdog aborts the process. */
c10::intrusive_ptr<Backend> makeNccl(int rank, int world, std::chrono::milliseconds timeout) {
  setenv(TORCH_VERSION_MAJOR >= 2 ? "TORCH_NCCL_BLOCKING_WAIT" : "NCCL_BLOCKING_WAIT", "1", 0);
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, world, options);
}
#endif

/** joinGroup(backend, host, port, serve, rank, world, timeoutMs, prefix): waits until every rank has joined. */
napi_value joinGroup(Call& call) {
  const std::string backend = toText(call.env, call.args[0]);
  const std::string host = toText(call.env, call.args[1]);
  const bool serve = toBool(call.env, call.args[3]);
  const int rank = static_cast<int>(toInteger(call.env, call.args[4]));
  const int world = static_cast<int>(toInteger(call.env, call.args[5]));
  const std::chrono::milliseconds timeout(toInteger(call.env, call.args[6]));
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(toInteger(call.env, call.args[2]));
  options.isServer = serve;
  options.numWorkers = static_cast<size_t>(world);
  options.waitWorkers = false;  // the group itself waits for every rank
  options.timeout = timeout;
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  options.useLibUV = false;  // libtorch's libuv calls would reach Node's, which is another version
#endif
  store = c10::make_intrusive<c10d::PrefixStore>(toText(call.env, call.args[7]), c10::make_intrusive<c10d::TCPStore>(host, options));
  store->setTimeout(timeout);
#ifdef INSTRUCTCV_GLOO
  if (backend == "gloo") group = makeGloo(host, rank, world, timeout);
#endif
#ifdef INSTRUCTCV_NCCL
  if (backend == "nccl") group = makeNccl(rank, world, timeout);
#endif
  joined();
  return undefined(call.env);
}

/** leaveGroup(): the connections close. */
napi_value leaveGroup(Call& call) {
  group.reset();
  store.reset();
  return undefined(call.env);
}

/** sumNumbers(values: Float64Array, device) -> Float64Array of the sums over the ranks. */
napi_value sumNumbers(Call& call) {
  const View view = viewOf(call.env, call.args[0]);
  if (view.type != napi_float64_array) throw std::invalid_argument("expected a Float64Array");
  const at::Tensor host = at::empty({static_cast<int64_t>(view.length)}, at::TensorOptions(at::kDouble));
  std::memcpy(host.data_ptr(), view.data, host.nbytes());
  std::vector<at::Tensor> values{host.to(c10::Device(toText(call.env, call.args[1])))};
  joined().allreduce(values)->wait();
  const at::Tensor sums = values[0].to(at::kCPU);
  void* bytes;
  napi_value buffer;
  napi_value array;
  check(call.env, napi_create_arraybuffer(call.env, sums.nbytes(), &bytes, &buffer), "not enough memory");
  std::memcpy(bytes, sums.data_ptr(), sums.nbytes());
  check(call.env, napi_create_typedarray(call.env, napi_float64_array, view.length, buffer, 0, &array), "cannot create a typed array");
  return array;
}

/** publish(key, text): for every rank to look up. */
napi_value publish(Call& call) {
  joined();
  const std::string text = toText(call.env, call.args[1]);
  store->set(toText(call.env, call.args[0]), std::vector<uint8_t>(text.begin(), text.end()));
  return undefined(call.env);
}

/** lookUp(key) -> the text, waiting until a rank has published it. */
napi_value lookUp(Call& call) {
  joined();
  const std::vector<uint8_t> bytes = store->get(toText(call.env, call.args[0]));
  return fromText(call.env, std::string(bytes.begin(), bytes.end()));
}

#endif

}  // namespace

void exportDistributed(napi_env env, napi_value exports, State& state) {
  exportFunction(env, exports, state, "distributedBackends", distributedBackends);
#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
  exportFunction(env, exports, state, "joinGroup", joinGroup);
  exportFunction(env, exports, state, "leaveGroup", leaveGroup);
  exportFunction(env, exports, state, "sumNumbers", sumNumbers);
  exportFunction(env, exports, state, "publish", publish);
  exportFunction(env, exports, state, "lookUp", lookUp);
#endif
}

}  // namespace icv
