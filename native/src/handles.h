// The table of live tensors: JavaScript holds small integers and says when each is let go.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace icv {

/**
 * A handle is an index into the table and is reused after release; the TypeScript side (src/tensor/torch/scopes.ts)
 * forgets an index when it releases it. Garbage collection plays no part: finalizers only run when the event loop turns,
 * and a training loop does not let it.
 */
class Handles {
 public:
  int32_t add(at::Tensor tensor);
  const at::Tensor& get(int64_t handle) const;
  void release(int64_t handle);
  size_t live() const { return slots_.size() - free_.size(); }

 private:
  /** An undefined tensor marks a free slot. */
  std::vector<at::Tensor> slots_;
  std::vector<int32_t> free_;
};

}  // namespace icv
