// Included first in shared libraries that hide their names, so that those of Asio remain visible.
#pragma once

#pragma GCC visibility push(default)
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#pragma GCC visibility pop
