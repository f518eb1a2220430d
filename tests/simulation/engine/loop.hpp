// The loop of the simulations is that of the testing kit.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/testing/random.hpp>
#include <leasebreak/testing/seeded_loop.hpp>

#include <boost/asio/any_io_executor.hpp>

namespace leasebreak::simulation {

namespace asio = boost::asio;
using span = duration;
using loop = testkit::seeded_loop;
using testkit::random_source;
using testkit::running_hash;

} // namespace leasebreak::simulation
