// System V segments, sets and queues. Of a segment the kernel counts who has it: attached by us alone, nobody else has.
// Of the others nobody knows: what was used last, and by whom, is compared right before the end. All of this IPC
// namespace.
#pragma once
#include "os/removal/relic.hpp"

namespace wye::sys {

/// What has this id, of `what` kind.
Result<Relic> find_sysv(RelicKind what, std::int32_t id);

/// Errc::busy: it is used; Errc::mismatch: the id is another's by now. Errc::failed, also: it is removed, and somebody
/// who attached it in that very moment has it without its key.
Result<> remove_sysv(const Relic&, int store);

/// Under its old id where this user may choose it (kernel.shm_next_id and its like).
Result<std::vector<std::string>> put_back_sysv(const Relic&, int store);

}  // namespace wye::sys
