// Keeps freed memory in the process: a training step frees and takes the same hundreds of megabytes again and again. And
// tells how much of a GPU's memory was in use.
#include "memory.h"

#include <torch/version.h>

#include "state.h"

#include <cstdlib>  // defines __GLIBC__ where it is so

#if defined(__GLIBC__)
#include <malloc.h>
#endif

// The allocators of all devices under one roof, without a header of CUDA; torch.cuda.memory reads the same numbers.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 9)
#define INSTRUCTCV_DEVICE_STATISTICS
#include <c10/core/CachingDeviceAllocator.h>
#endif

namespace icv {

void keepFreedMemory() {
#if defined(__GLIBC__)
  // By default glibc gives large blocks back to the kernel and faults every page in again: a tenth of a UNet's training
  // step on the CPU. Before glibc 2.35 the mmap threshold may not exceed 32 MiB.
  constexpr int kGigabyte = 1 << 30;
  if (mallopt(M_MMAP_THRESHOLD, kGigabyte) == 0) mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, kGigabyte);
#endif
}

namespace {

/** peakBytes(device) -> the most bytes that tensors held there at once, or null where nobody counts: on a CPU, before torch 2.9. */
napi_value peakBytes(Call& call) {
#if defined(INSTRUCTCV_DEVICE_STATISTICS)
  const c10::Device device(toText(call.env, call.args[0]));
  if (!device.is_cpu()) {
    at::DeviceAllocator* allocator = at::getDeviceAllocator(device.type());
    const auto index = device.has_index() ? device.index() : c10::DeviceIndex{0};
    if (allocator->initialized())
      return fromNumber(call.env, static_cast<double>(allocator->getDeviceStats(index).allocated_bytes[0].peak));
  }
#endif
  napi_value null;
  napi_get_null(call.env, &null);
  return null;
}

}  // namespace

void exportMemory(napi_env env, napi_value exports, State& state) {
  exportFunction(env, exports, state, "peakBytes", peakBytes);
}

}  // namespace icv
