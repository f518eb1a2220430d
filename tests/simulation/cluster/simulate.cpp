// The program that simulates a cluster.
#include "cluster_run.hpp"
#include "driver.hpp"

#include <iostream>

int main(int argc, char** argv) {
  using namespace leasebreak::simulation;
  const auto status = drive(cluster_kind(), argc, argv);
  std::cout << to_string(cluster_totals()) << std::endl;
  return status;
}
