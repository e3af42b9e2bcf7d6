// Gradients become their means over the ranks in buckets that travel while backward still computes others, as in c10d's Reducer
// (arXiv 2006.15704).
#include "group.h"
#include "state.h"

#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <utility>
#endif

namespace icv {

#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
namespace {

using torch::autograd::variable_list;
/** A shared_ptr in libtorch 1.13, an intrusive_ptr in 2.13. */
using Accumulator = decltype(torch::autograd::impl::grad_accumulator(std::declval<at::Tensor>()));

/** Weights whose gradients travel as one flat copy; `flat` is defined and `work` under way from launch to receipt. */
struct Bucket {
  std::vector<at::Tensor> weights;
  int64_t numbers = 0;
  size_t missing = 0;
  at::Tensor flat;
  c10::intrusive_ptr<c10d::Work> work;

  size_t bytes() const { return static_cast<size_t>(numbers) * sizeof(float); }
};

/** Flat copies that may exist at a time when no backward hides their way: enough to keep the network busy, little beside the gradients. */
constexpr size_t inFlight = 4;

/**
 * The layout is fixed by the order of the weights, and bucket k leaves after bucket k - 1 on every rank: all ranks make the same
 * exchanges in the same order, whatever becomes ready first.
 */
class Averages {
 public:
  Averages(const std::vector<at::Tensor>& weights, size_t bucketBytes);
  ~Averages();

  void arm();
  void ready(size_t bucket);
  size_t launchRest();
  void finish();

 private:
  struct Hook;
  void launch();
  void receive();

  std::vector<Bucket> buckets_;
  /** A leaf holds its accumulator weakly; without these a hook would go with the graph of one pass. */
  std::vector<std::pair<Accumulator, uintptr_t>> hooks_;
  bool armed_ = false;
  size_t launched_ = 0;
  size_t received_ = 0;
};

/** Runs after a leaf's gradient has been accumulated, in the thread that did it. */
struct Averages::Hook : torch::autograd::FunctionPostHook {
  Hook(Averages& owner, size_t bucket) : owner(owner), bucket(bucket) {}
  variable_list operator()(const variable_list& outputs, const variable_list&) override {
    owner.ready(bucket);
    return outputs;
  }
  Averages& owner;
  size_t bucket;
};

Averages::Averages(const std::vector<at::Tensor>& weights, size_t bucketBytes) {
  for (const at::Tensor& weight : weights) {
    if (buckets_.empty() || (buckets_.back().bytes() > 0 && buckets_.back().bytes() + weight.nbytes() > bucketBytes))
      buckets_.emplace_back();
    buckets_.back().weights.push_back(weight);
    buckets_.back().numbers += weight.numel();
  }
  for (size_t b = 0; b < buckets_.size(); b++)
    for (const at::Tensor& weight : buckets_[b].weights) {
      const auto accumulator = torch::autograd::impl::grad_accumulator(weight);
      hooks_.emplace_back(accumulator, accumulator->add_post_hook(std::make_unique<Hook>(*this, b)));
    }
}

Averages::~Averages() {
  for (const auto& [accumulator, key] : hooks_) accumulator->del_post_hook(key);
}

void Averages::arm() {
  for (Bucket& bucket : buckets_) bucket.missing = bucket.weights.size();
  armed_ = true;
}

void Averages::ready(size_t bucket) {
  if (!armed_) return;
  if (bucket < launched_ || buckets_[bucket].missing == 0)
    throw std::logic_error("a gradient changed after it was given to the other ranks: its weight is in several backward calls");
  buckets_[bucket].missing--;
  while (launched_ < buckets_.size() && buckets_[launched_].missing == 0) {
    // What has arrived makes room.
    while (received_ < launched_ && buckets_[received_].work->isCompleted()) receive();
    launch();
  }
}

/** The flat copy ends in a number for each weight that says whether this rank has a gradient of it. */
void Averages::launch() {
  const at::NoGradGuard guard;
  Bucket& bucket = buckets_[launched_];
  std::vector<at::Tensor> rows;
  std::vector<float> has;
  for (const at::Tensor& weight : bucket.weights) {
    const at::Tensor& gradient = weight.grad();
    has.push_back(gradient.defined() ? 1.0F : 0.0F);
    rows.push_back(gradient.defined() ? gradient.reshape({-1}) : at::zeros({weight.numel()}, weight.options()));
  }
  rows.push_back(at::tensor(has).to(bucket.weights[0].device()));
  bucket.flat = at::cat(rows);
  std::vector<at::Tensor> whole{bucket.flat};
  bucket.work = joined().allreduce(whole);
  launched_++;
}

void Averages::receive() {
  const at::NoGradGuard guard;
  Bucket& bucket = buckets_[received_];
  bucket.work->wait();
  const at::Tensor has = bucket.flat.narrow(0, bucket.numbers, static_cast<int64_t>(bucket.weights.size()));
  const at::Tensor means = bucket.flat.narrow(0, 0, bucket.numbers).div_(joined().getSize());
  int64_t from = 0;
  for (size_t i = 0; i < bucket.weights.size(); i++) {
    const at::Tensor& weight = bucket.weights[i];
    const at::Tensor mean = means.narrow(0, from, weight.numel()).view(weight.sizes());
    from += weight.numel();
    // Reading `has` makes a GPU wait, and is only needed by a rank that has no gradient of its own.
    if (weight.grad().defined()) weight.mutable_grad().copy_(mean);
    else if (has[static_cast<int64_t>(i)].item<float>() > 0) weight.mutable_grad() = mean.clone();
  }
  bucket.flat.reset();
  bucket.work.reset();
  received_++;
}

/** Returns the bytes that were launched before. */
size_t Averages::launchRest() {
  armed_ = false;
  size_t before = 0;
  for (size_t b = 0; b < launched_; b++) before += buckets_[b].bytes();
  while (launched_ < buckets_.size()) {
    while (launched_ - received_ >= inFlight) receive();
    launch();
  }
  return before;
}

void Averages::finish() {
  launchRest();
  while (received_ < buckets_.size()) receive();
  launched_ = 0;
  received_ = 0;
}

/** Of the weights that were planned last; one training run in a process. */
std::unique_ptr<Averages> averages;

Averages& planned() {
  if (!averages) throw std::invalid_argument("no weights were planned to be averaged");
  return *averages;
}

/** planAverages(weights, bucketBytes): leaves, first those whose gradients come first, in buckets of at most that many bytes or one leaf. */
napi_value planAverages(Call& call) {
  averages.reset();
  averages = std::make_unique<Averages>(toTensors(call, call.args[0]), static_cast<size_t>(toInteger(call.env, call.args[1])));
  return undefined(call.env);
}

/** armAverages(): from now on a bucket leaves as soon as backward has reached all its weights; each may be reached once. */
napi_value armAverages(Call& call) {
  joined();
  planned().arm();
  return undefined(call.env);
}

/** launchAverages() -> bytes that left before this call; now all are under way, and nothing is armed. */
napi_value launchAverages(Call& call) { return fromNumber(call.env, static_cast<double>(planned().launchRest())); }

/** finishAverages(): every gradient is its mean over the ranks; a rank without one counts as zero unless all are without. */
napi_value finishAverages(Call& call) {
  planned().finish();
  return undefined(call.env);
}

/** dropAverages(): forgets the plan and what is under way. */
napi_value dropAverages(Call& call) {
  averages.reset();
  return undefined(call.env);
}

}  // namespace
#endif

void exportAverages([[maybe_unused]] napi_env env, [[maybe_unused]] napi_value exports, [[maybe_unused]] State& state) {
#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
  exportFunction(env, exports, state, "planAverages", planAverages);
  exportFunction(env, exports, state, "armAverages", armAverages);
  exportFunction(env, exports, state, "launchAverages", launchAverages);
  exportFunction(env, exports, state, "finishAverages", finishAverages);
  exportFunction(env, exports, state, "dropAverages", dropAverages);
#endif
}

}  // namespace icv
