#include "handles.h"

#include <stdexcept>

namespace icv {

int32_t Handles::add(at::Tensor tensor) {
  if (!tensor.defined()) throw std::logic_error("an undefined tensor has no handle");
  if (free_.empty()) {
    slots_.push_back(std::move(tensor));
    return static_cast<int32_t>(slots_.size() - 1);
  }
  const int32_t handle = free_.back();
  free_.pop_back();
  slots_[handle] = std::move(tensor);
  return handle;
}

const at::Tensor& Handles::get(int64_t handle) const {
  if (handle < 0 || handle >= static_cast<int64_t>(slots_.size()) || !slots_[handle].defined()) {
    throw std::invalid_argument("tensor was used after its scope ended; return it from tidy() or keep() it");
  }
  return slots_[handle];
}

void Handles::release(int64_t handle) {
  get(handle);
  slots_[handle].reset();
  free_.push_back(static_cast<int32_t>(handle));
}

}  // namespace icv
