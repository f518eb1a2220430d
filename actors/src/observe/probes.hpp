// Static probes (USDT), which bpftrace, perf and SystemTap can attach to while the program runs.
//
// A probe that nothing is attached to is one no-op instruction. Its arguments are values that are
// at hand anyway. The provider is `leasebreak`:
//
//   break__begin  file id: address and length; client: address of its 16 bytes; number of the
//                 break; bits of the state before it and of the state that is left to the holder;
//                 cause
//   break__end    file id: address and length; client: address of its 16 bytes; number of the
//                 break; bits of the state that is left; outcome; nanoseconds since its begin
#pragma once

#include <leasebreak/model/effects.hpp>

#ifdef LEASEBREAK_USDT
#include <sys/sdt.h>
#endif

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

inline void probe_break_begun(
  [[maybe_unused]] const std::string& file, [[maybe_unused]] const break_begun& f) noexcept {
#ifdef LEASEBREAK_USDT
  DTRACE_PROBE7(leasebreak, break__begin, file.data(), file.size(), f.client.bytes.data(),
    static_cast<std::uint64_t>(f.id), static_cast<unsigned>(bits(f.from)),
    static_cast<unsigned>(bits(f.to)), static_cast<unsigned>(f.cause));
#endif
}

inline void probe_break_ended(
  [[maybe_unused]] const std::string& file, [[maybe_unused]] const break_ended& f) noexcept {
#ifdef LEASEBREAK_USDT
  DTRACE_PROBE7(leasebreak, break__end, file.data(), file.size(), f.client.bytes.data(),
    static_cast<std::uint64_t>(f.id), static_cast<unsigned>(bits(f.left)),
    static_cast<unsigned>(f.outcome), f.age.count());
#endif
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
