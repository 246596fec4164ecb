#include "os/removal/relic.hpp"

#include "os/removal/calls.hpp"
#include "os/removal/file.hpp"
#include "os/removal/queue.hpp"
#include "os/removal/sysv.hpp"

namespace wye::sys {

std::string_view name(RelicKind k) noexcept {
    constexpr std::string_view names[] = {"file", "queue", "segment", "set", "messages"};
    return names[static_cast<std::size_t>(k)];
}

Result<std::vector<std::string>> put_back(const Relic& r, int store) {
    if (r.what == RelicKind::file) return put_back_file(r, store);
    if (r.what == RelicKind::queue) return put_back_queue(r, store);
    return put_back_sysv(r, store);
}

Result<> forget(const Relic& r, int store) {
    if (r.what == RelicKind::file) return forget_file(r, store);
    if (!r.contents.empty()) (void)sys::unlinkat(store, r.contents.c_str());
    return {};
}

}  // namespace wye::sys
