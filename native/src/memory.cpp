// Keeps freed memory in the process: a training step frees and takes the same hundreds of megabytes again and again.
#include "memory.h"

#include <cstdlib>  // defines __GLIBC__ where it is so

#if defined(__GLIBC__)
#include <malloc.h>
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

}  // namespace icv
