// See config_file.hpp.
#include <smb_server/service/config_file.hpp>

#include <istream>
#include <utility>

namespace leasebreak::smb {

namespace {

std::string trimmed(const std::string& text) {
  const auto blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string unquoted(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

/// The value is not repeated: it may be a password.
[[noreturn]] void refuse_line(std::size_t number, const std::string& why) {
  throw CLI::ConfigError(
    "line " + std::to_string(number) + ": " + why, CLI::ExitCodes::ConfigError);
}

} // namespace

std::vector<CLI::ConfigItem> config_file::from_config(std::istream& input) const {
  std::vector<CLI::ConfigItem> found;
  std::map<std::string, std::size_t> places;
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#')
      continue;
    const auto mark = line.find('=');
    const std::string name = trimmed(line.substr(0, mark));
    if (mark == std::string::npos || name.empty())
      refuse_line(number, "it is not of the form option = value");
    const auto* const option = app_->get_option_no_throw("--" + name);
    if (option == nullptr || !option->get_configurable())
      refuse_line(number, "there is no option '" + name + "'");
    const auto [place, is_new] = places.try_emplace(name, found.size());
    if (is_new) {
      found.emplace_back();
      found.back().name = name;
    } else if (option->get_items_expected_max() == 1) {
      refuse_line(number, "'" + name + "' is there already");
    }
    lines_[name] = number;
    found[place->second].inputs.push_back(unquoted(trimmed(line.substr(mark + 1))));
  }
  return found;
}

std::string config_file::line_of(const std::string& message) const {
  const auto dashes = message.find("--");
  if (dashes == std::string::npos)
    return {};
  const auto end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", dashes);
  const auto found = lines_.find(message.substr(dashes + 2, end - dashes - 2));
  return found == lines_.end() ? "" : "line " + std::to_string(found->second) + ": ";
}

} // namespace leasebreak::smb
