// The group of processes that this one has joined, when libtorch was built with a backend for it.
#pragma once
#if defined(INSTRUCTCV_GLOO) || defined(INSTRUCTCV_NCCL)
#include <torch/version.h>
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

namespace icv {

#if TORCH_VERSION_MAJOR >= 2
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

/** Throws when none was joined. */
Backend& joined();

}  // namespace icv
#endif
