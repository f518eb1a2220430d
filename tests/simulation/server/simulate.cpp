// The program that simulates the server.
#include "driver.hpp"
#include "server_run.hpp"

int main(int argc, char** argv) {
  return leasebreak::simulation::drive(leasebreak::smb::simulation::server_kind(), argc, argv);
}
