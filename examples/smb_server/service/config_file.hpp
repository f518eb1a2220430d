// The configuration file: one `option = value` a line, with the names of the command line's
// options.
#pragma once

#include <CLI/CLI.hpp>

#include <map>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// Reads configuration files for CLI11. An option that may be repeated has a line for each value.
/// Empty lines, and lines that begin with `#`, say nothing. A value in double quotes keeps the
/// spaces at its ends.
class config_file final : public CLI::Config {
public:
  /// `app` must outlive the object.
  explicit config_file(const CLI::App& app) : app_{&app} {}

  /// Throws `CLI::ConfigError`, with the line's number, for an unknown option and for what is no
  /// such line.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

  /// No option writes a file.
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

  /// Of the option that `message`, an error's text, is about: "line 3: ", or nothing if the file
  /// does not have it.
  [[nodiscard]] std::string line_of(const std::string& message) const;

private:
  const CLI::App* app_;
  mutable std::map<std::string, std::size_t> lines_; ///< Of each option's last value.
};

} // namespace leasebreak::smb
