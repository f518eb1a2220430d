// Whether this is compiled for ThreadSanitizer, which each compiler says in its own way.
#pragma once

#ifdef __SANITIZE_THREAD__
#define LEASEBREAK_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LEASEBREAK_THREAD_SANITIZER
#endif
#endif
