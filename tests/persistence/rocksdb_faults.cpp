#include "rocksdb_faults.hpp"

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::test {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// The wording of the real file system.
IOStatus no_space() {
  auto status = IOStatus::NoSpace("injected");
  status.SetRetryable(true);
  return status;
}

bool broken(rocksdb_faults& faults) {
  return faults.operations++ >= faults.operations_max;
}

// Returns the result of an operation that may need space on the disk.
IOStatus take_room(rocksdb_faults& faults) {
  if (broken(faults) || faults.disk_full)
    return faults.io_errors ? IOStatus::IOError("injected") : no_space();
  return IOStatus::OK();
}

// Returns the result of an operation that only a broken disk refuses.
IOStatus touch(rocksdb_faults& faults) {
  if (faults.io_errors && broken(faults))
    return IOStatus::IOError("injected");
  return IOStatus::OK();
}

IOStatus force(rocksdb_faults& faults) {
  return faults.sync_fails ? IOStatus::IOError("injected") : take_room(faults);
}

class faulty_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  faulty_file(std::unique_ptr<rocksdb::FSWritableFile> file, bool is_log, rocksdb_faults& faults)
    : FSWritableFileOwnerWrapper(std::move(file)), is_log_(is_log), faults_(faults) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    auto status = take_room(faults_);
    if (status.ok())
      return FSWritableFileOwnerWrapper::Append(data, options, context);
    // A disk fills up in the middle of a write.
    if (status.IsNoSpace())
      FSWritableFileOwnerWrapper::Append({data.data(), data.size() / 2}, options, context)
        .PermitUncheckedError();
    return status;
  }

  IOStatus Append(const Slice& data, const IOOptions& options,
    const rocksdb::DataVerificationInfo& /*verification*/, IODebugContext* context) override {
    return Append(data, options, context);
  }

  IOStatus Truncate(
    std::uint64_t size, const IOOptions& options, IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok() ? FSWritableFileOwnerWrapper::Truncate(size, options, context) : status;
  }

  IOStatus Allocate(std::uint64_t offset, std::uint64_t bytes, const IOOptions& options,
    IODebugContext* context) override {
    auto status = take_room(faults_);
    return status.ok() ? FSWritableFileOwnerWrapper::Allocate(offset, bytes, options, context)
                       : status;
  }

  IOStatus RangeSync(std::uint64_t offset, std::uint64_t bytes, const IOOptions& options,
    IODebugContext* context) override {
    auto status = force(faults_);
    return status.ok() ? FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, context)
                       : status;
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    auto status = counted_sync();
    if (!status.ok() || faults_.syncs_do_nothing)
      return status;
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    auto status = counted_sync();
    if (!status.ok() || faults_.syncs_do_nothing)
      return status;
    return FSWritableFileOwnerWrapper::Fsync(options, context);
  }

  IOStatus Close(const IOOptions& options, IODebugContext* context) override {
    auto status = FSWritableFileOwnerWrapper::Close(options, context);
    auto injected = take_room(faults_);
    return injected.ok() ? status : injected;
  }

private:
  IOStatus counted_sync() {
    auto status = force(faults_);
    faults_.log_syncs += is_log_ && status.ok() ? 1 : 0;
    return status;
  }

  const bool is_log_;
  rocksdb_faults& faults_;
};

class faulty_sequential_file final : public rocksdb::FSSequentialFileOwnerWrapper {
public:
  faulty_sequential_file(std::unique_ptr<rocksdb::FSSequentialFile> file, rocksdb_faults& faults)
    : FSSequentialFileOwnerWrapper(std::move(file)), faults_(faults) {}

  IOStatus Read(std::size_t bytes, const IOOptions& options, Slice* result, char* scratch,
    IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok()
      ? FSSequentialFileOwnerWrapper::Read(bytes, options, result, scratch, context)
      : status;
  }

private:
  rocksdb_faults& faults_;
};

class faulty_table final : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
  faulty_table(std::unique_ptr<rocksdb::FSRandomAccessFile> file, rocksdb_faults& faults)
    : FSRandomAccessFileOwnerWrapper(std::move(file)), faults_(faults) {}

  IOStatus Read(std::uint64_t offset, std::size_t bytes, const IOOptions& options, Slice* result,
    char* scratch, IODebugContext* context) const override {
    auto status = touch(faults_);
    return status.ok()
      ? FSRandomAccessFileOwnerWrapper::Read(offset, bytes, options, result, scratch, context)
      : status;
  }

  IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count, const IOOptions& options,
    IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok()
      ? FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, context)
      : status;
  }

private:
  rocksdb_faults& faults_;
};

class faulty_directory final : public rocksdb::FSDirectoryWrapper {
public:
  faulty_directory(std::unique_ptr<rocksdb::FSDirectory> directory, rocksdb_faults& faults)
    : FSDirectoryWrapper(std::move(directory)), faults_(faults) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    auto status = force(faults_);
    if (!status.ok() || faults_.syncs_do_nothing)
      return status;
    return FSDirectoryWrapper::Fsync(options, context);
  }

  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
    const rocksdb::DirFsyncOptions& reason) override {
    auto status = force(faults_);
    if (!status.ok() || faults_.syncs_do_nothing)
      return status;
    return FSDirectoryWrapper::FsyncWithDirOptions(options, context, reason);
  }

private:
  rocksdb_faults& faults_;
};

class faulty_file_system final : public rocksdb::FileSystemWrapper {
public:
  explicit faulty_file_system(rocksdb_faults& faults)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}

  const char* Name() const override { return "faulty"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) override {
    auto status = take_room(faults_);
    if (status.ok())
      status = FileSystemWrapper::NewWritableFile(name, options, result, context);
    return faulty(std::move(status), name, result);
  }

  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) override {
    auto status = take_room(faults_);
    if (status.ok())
      status = FileSystemWrapper::ReopenWritableFile(name, options, result, context);
    return faulty(std::move(status), name, result);
  }

  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
    const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* result,
    IODebugContext* context) override {
    auto status = take_room(faults_);
    if (status.ok())
      status = FileSystemWrapper::ReuseWritableFile(name, old_name, options, result, context);
    return faulty(std::move(status), name, result);
  }

  // The wrapper would let the wrapped file system write the log.
  IOStatus NewLogger(const std::string& name, const IOOptions& options,
    std::shared_ptr<rocksdb::Logger>* result, IODebugContext* context) override {
    return FileSystem::NewLogger(name, options, result, context);
  }

  IOStatus NewSequentialFile(const std::string& name, const FileOptions& options,
    std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext* context) override {
    auto status = touch(faults_);
    if (status.ok())
      status = FileSystemWrapper::NewSequentialFile(name, options, result, context);
    if (status.ok())
      *result = std::make_unique<faulty_sequential_file>(std::move(*result), faults_);
    return status;
  }

  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext* context) override {
    auto status = touch(faults_);
    if (status.ok())
      status = FileSystemWrapper::NewRandomAccessFile(name, options, result, context);
    if (status.ok())
      *result = std::make_unique<faulty_table>(std::move(*result), faults_);
    return status;
  }

  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
    std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext* context) override {
    auto status = touch(faults_);
    if (status.ok())
      status = FileSystemWrapper::NewDirectory(name, options, result, context);
    if (status.ok())
      *result = std::make_unique<faulty_directory>(std::move(*result), faults_);
    return status;
  }

  IOStatus FileExists(
    const std::string& name, const IOOptions& options, IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok() ? FileSystemWrapper::FileExists(name, options, context) : status;
  }

  IOStatus GetChildren(const std::string& name, const IOOptions& options,
    std::vector<std::string>* result, IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok() ? FileSystemWrapper::GetChildren(name, options, result, context) : status;
  }

  IOStatus GetFileSize(const std::string& name, const IOOptions& options, std::uint64_t* bytes,
    IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok() ? FileSystemWrapper::GetFileSize(name, options, bytes, context) : status;
  }

  IOStatus DeleteFile(
    const std::string& name, const IOOptions& options, IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok() ? FileSystemWrapper::DeleteFile(name, options, context) : status;
  }

  IOStatus Truncate(const std::string& name, std::size_t bytes, const IOOptions& options,
    IODebugContext* context) override {
    auto status = touch(faults_);
    return status.ok() ? FileSystemWrapper::Truncate(name, bytes, options, context) : status;
  }

  IOStatus CreateDir(
    const std::string& name, const IOOptions& options, IODebugContext* context) override {
    auto status = take_room(faults_);
    return status.ok() ? FileSystemWrapper::CreateDir(name, options, context) : status;
  }

  IOStatus CreateDirIfMissing(
    const std::string& name, const IOOptions& options, IODebugContext* context) override {
    auto status = take_room(faults_);
    return status.ok() ? FileSystemWrapper::CreateDirIfMissing(name, options, context) : status;
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
    IODebugContext* context) override {
    auto status = take_room(faults_);
    return status.ok() ? FileSystemWrapper::RenameFile(from, to, options, context) : status;
  }

  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
    IODebugContext* context) override {
    auto status = take_room(faults_);
    return status.ok() ? FileSystemWrapper::LinkFile(from, to, options, context) : status;
  }

  IOStatus LockFile(const std::string& name, const IOOptions& options, rocksdb::FileLock** result,
    IODebugContext* context) override {
    auto status = take_room(faults_);
    return status.ok() ? FileSystemWrapper::LockFile(name, options, result, context) : status;
  }

private:
  IOStatus faulty(
    IOStatus status, const std::string& name, std::unique_ptr<rocksdb::FSWritableFile>* result) {
    if (status.ok())
      *result = std::make_unique<faulty_file>(std::move(*result), name.ends_with(".log"), faults_);
    return status;
  }

  rocksdb_faults& faults_;
};

class faulty_environment final : public rocksdb::EnvWrapper {
public:
  explicit faulty_environment(std::shared_ptr<rocksdb::FileSystem> files)
    : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = std::move(files);
  }

  // RocksDB sleeps for a second after each failed flush.
  void SleepForMicroseconds(int /*us*/) override {}
};

} // namespace

std::unique_ptr<rocksdb::Env> faulty_env(rocksdb_faults& faults) {
  return std::make_unique<faulty_environment>(std::make_shared<faulty_file_system>(faults));
}

} // namespace leasebreak::test
