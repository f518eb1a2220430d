// The program that simulates the coordinator.
#include "coordinator_run.hpp"
#include "driver.hpp"

int main(int argc, char** argv) {
  return leasebreak::simulation::drive(leasebreak::simulation::coordinator_kind(), argc, argv);
}
