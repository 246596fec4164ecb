#include "io/participants.hpp"

#include "os/process_id.hpp"

namespace wye {

Participants::Mark Participants::enter(std::uint32_t slot, std::uint32_t seen, std::uint32_t role) {
    auto& s = table_[slot];
    // For people: nothing is decided by it.
    const auto self = sys::ProcessId::self().value_or(sys::ProcessId{});
    s.pid = self.pid;
    s.started = self.start;
    s.pid_namespace = self.pid_space;
    s.armed.store(0, std::memory_order_relaxed);
    s.role.store(role, std::memory_order_relaxed);
    const auto state = (((seen >> 1) + 1) << 1) | 1;
    s.state.store(state, std::memory_order_release);  // pairs with the acquire of join() and bury()
    return {slot, epoch_of(state)};
}

void Participants::leave(Mark self) noexcept {
    auto& state = table_[self.slot].state;
    state.store(state.load(std::memory_order_relaxed) & ~1u, std::memory_order_release);
    (void)sys::lock_byte(file_->get(), byte_of(self.slot), F_UNLCK);
}

std::unexpected<Error> Participants::full() const {
    return refuse(Errc::exhausted, "all " + std::to_string(slots_) + " places for participants are taken");
}

}  // namespace wye
