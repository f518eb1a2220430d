// The namespace of this ABI, and what a shared library shows: the namespaces of the public headers.
#pragma once

// All names are in an inline namespace with the number of the SONAME. Programs and libraries that
// were compiled with headers of different ABIs therefore do not link, or have a copy each, in place
// of sharing objects of which they know different layouts. Users write `leasebreak::coordinator`,
// and include headers in place of declaring names of leasebreak themselves.
#define LEASEBREAK_ABI v0_1
// The same within `namespace leasebreak::LEASEBREAK_INLINE_ABI::detail`.
#define LEASEBREAK_INLINE_ABI inline LEASEBREAK_ABI

// LEASEBREAK_EXPORT marks a namespace whose names programs use. Everything else is hidden in shared
// libraries, which are compiled with -fvisibility=hidden. It applies to one block of the namespace.
// LEASEBREAK_HIDDEN marks the definition of a private class that such a block declares; it means
// nothing in other builds, where the classes that contain it are not hidden.
#if defined(__GNUC__)
#define LEASEBREAK_EXPORT [[gnu::visibility("default")]]
#else
#define LEASEBREAK_EXPORT
#endif
#if defined(__GNUC__) && defined(LEASEBREAK_HIDES_NAMES)
#define LEASEBREAK_HIDDEN [[gnu::visibility("hidden")]]
#else
#define LEASEBREAK_HIDDEN
#endif
