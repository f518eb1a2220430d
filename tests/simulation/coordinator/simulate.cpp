// The program that simulates the coordinator.
#include "driver.hpp"
#include "world.hpp"

int main(int argc, char** argv) {
  return leasebreak::simulation::drive(leasebreak::simulation::coordinator_kind(), argc, argv);
}
