// Implementation of rocksdb_faults.hpp.
#include "rocksdb_faults.hpp"

#include <string>
#include <utility>

namespace leasebreak::test {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class faulty_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  faulty_file(std::unique_ptr<rocksdb::FSWritableFile> file, bool is_log, rocksdb_faults& faults)
    : FSWritableFileOwnerWrapper(std::move(file)), is_log_(is_log), faults_(faults) {}

  IOStatus Append(
    const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    if (faults_.disk_full)
      return IOStatus::NoSpace("injected");
    return FSWritableFileOwnerWrapper::Append(data, options, context);
  }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
    const rocksdb::DataVerificationInfo& verification, IODebugContext* context) override {
    if (faults_.disk_full)
      return IOStatus::NoSpace("injected");
    return FSWritableFileOwnerWrapper::Append(data, options, verification, context);
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    if (faults_.sync_fails)
      return IOStatus::IOError("injected");
    faults_.log_syncs += is_log_ ? 1 : 0;
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    if (faults_.sync_fails)
      return IOStatus::IOError("injected");
    faults_.log_syncs += is_log_ ? 1 : 0;
    return FSWritableFileOwnerWrapper::Fsync(options, context);
  }

private:
  const bool is_log_;
  rocksdb_faults& faults_;
};

class faulty_file_system final : public rocksdb::FileSystemWrapper {
public:
  explicit faulty_file_system(rocksdb_faults& faults)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}

  const char* Name() const override { return "faulty"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    auto status = FileSystemWrapper::NewWritableFile(name, options, &file, context);
    if (status.ok())
      *result = std::make_unique<faulty_file>(std::move(file), name.ends_with(".log"), faults_);
    return status;
  }

private:
  rocksdb_faults& faults_;
};

} // namespace

std::unique_ptr<rocksdb::Env> faulty_env(rocksdb_faults& faults) {
  return rocksdb::NewCompositeEnv(std::make_shared<faulty_file_system>(faults));
}

} // namespace leasebreak::test
