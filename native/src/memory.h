// See memory.cpp.
#pragma once

namespace icv {

/** Tells glibc's allocator, for the whole process, not to return freed blocks to the kernel at once; a no-op elsewhere. */
void keepFreedMemory();

}  // namespace icv
