// What a shared library shows: the namespaces of the public headers.
#pragma once

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
