// See reload.hpp.
#include <smb_server/service/reload.hpp>

#include <smb_server/server.hpp>

#include <exception>

namespace leasebreak::smb {

namespace {

void put_into_use(server& host, const server_options& wanted) {
  const auto changes = host.change_options(wanted);
  auto& log = host.log();
  // A level that hides the lines must not hide these.
  const auto level = log.level();
  if (level > spdlog::level::info)
    log.set_level(spdlog::level::info);
  for (const option_change& c : changes)
    if (c.needs_restart)
      log.warn("reload: {}; this needs a restart", c.text);
    else if (!c.is_logged)
      log.info("reload: {}", c.text);
  log.info("reload: done; {} changes", changes.size());
  log.set_level(level);
}

} // namespace

void reload(server& host, const std::function<parsed_options()>& read) {
  try {
    const auto parsed = read();
    if (!parsed.options)
      host.log().error(
        "reload: {}; nothing has changed", parsed.text.substr(0, parsed.text.find('\n')));
    else if (parsed.options->config_file.empty())
      host.log().warn("reload: there is no configuration file; nothing has changed");
    else
      put_into_use(host, *parsed.options);
  } catch (const std::exception& e) {
    host.log().error("reload: {}; nothing has changed", e.what());
  }
}

} // namespace leasebreak::smb
