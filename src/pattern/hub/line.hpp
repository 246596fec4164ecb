// A connection of whatever kind, and where such come from: all that a hub and those who connect to it know of sockets.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/core/uri.hpp"
#include "wye/pattern/options.hpp"

#include "os/syscall.hpp"

#include <memory>

namespace wye::hub {

/// Answers as sys:: calls do: a value, or -errno; -EAGAIN where it would wait.
class Line {
public:
    virtual ~Line() = default;
    /// 0 at the end. With `patient` it may wait for `patience` before it says -EAGAIN.
    virtual long read(MutBytes, bool patient) noexcept = 0;
    virtual long write(const iovec*, int count) noexcept = 0;
    /// There is more to read, whatever poll(2) says of the descriptor.
    virtual bool holds() const noexcept { return false; }
    /// What write() took is not with the kernel yet: write() it, with nothing more, when the descriptor is writable.
    virtual bool owes() const noexcept { return false; }
    /// Says that no more comes, to those who share the descriptor too.
    virtual void end() noexcept = 0;
    virtual int fd() const noexcept = 0;
    /// What its end, or a negative answer, means.
    virtual Error error(long answer) const;
    static constexpr std::chrono::milliseconds patience{50};
};

class Door {
public:
    virtual ~Door() = default;
    /// Errc::timed_out when nobody is there.
    virtual Result<std::unique_ptr<Line>> accept() = 0;
    virtual int fd() const noexcept = 0;
};

/// Errc::not_found when nobody listens there.
Result<std::unique_ptr<Line>> connect(const Uri&, Deadline);
Result<std::unique_ptr<Door>> listen(const Uri&, Create, unsigned permissions);

}  // namespace wye::hub
