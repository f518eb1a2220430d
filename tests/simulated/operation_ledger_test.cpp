// The ledger detects operations that never complete, complete twice, or inside the initiating call.
#include "operation_ledger.hpp"

#include <gtest/gtest.h>

namespace leasebreak::simulated {

namespace {

TEST(OperationLedger, CountsAnOperationThatCompletesOnce) {
  operation_ledger ledger;
  const auto ticket = ledger.begin(operation_kind::open);
  ticket->enter();
  ticket->leave();

  ticket->complete();

  EXPECT_EQ(ledger.started(), 1);
  EXPECT_EQ(ledger.completed(), 1);
  EXPECT_EQ(ledger.completed_twice(), 0);
  EXPECT_EQ(ledger.completed_inside(), 0);
  EXPECT_EQ(ledger.outstanding(), "");
}

TEST(OperationLedger, NamesOperationsThatNeverComplete) {
  operation_ledger ledger;

  static_cast<void>(ledger.begin(operation_kind::open));
  static_cast<void>(ledger.begin(operation_kind::access));
  static_cast<void>(ledger.begin(operation_kind::access));

  EXPECT_EQ(ledger.outstanding(), "1 open, 2 access");
}

TEST(OperationLedger, SeesASecondCompletion) {
  operation_ledger ledger;
  const auto ticket = ledger.begin(operation_kind::close);

  ticket->complete();
  ticket->complete();

  EXPECT_EQ(ledger.completed(), 1);
  EXPECT_EQ(ledger.completed_twice(), 1);
}

TEST(OperationLedger, SeesACompletionInsideTheInitiatingCall) {
  operation_ledger ledger;
  const auto ticket = ledger.begin(operation_kind::lock);

  ticket->enter();
  ticket->complete();
  ticket->leave();

  EXPECT_EQ(ledger.completed_inside(), 1);
}

} // namespace

} // namespace leasebreak::simulated
