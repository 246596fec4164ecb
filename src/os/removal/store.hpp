// Where what was removed is kept, and what was done is written down. One directory a run, with a manifest that grows a
// line at a time: a line is there before what it tells of is done.
#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wye::sys {

/// /var/lib/wye for root; $XDG_STATE_HOME/wye or ~/.local/state/wye for others. Empty where there is no home.
std::string state_directory();

/// A run that nobody else is at.
class Run {
public:
    const std::string& id() const noexcept { return id_; }
    int directory() const noexcept { return directory_.get(); }
    /// A line more. `durable`: it is on the disk when this returns.
    Result<> append(std::string_view line, bool durable = false);
    Result<std::string> manifest() const;

private:
    friend class Store;
    std::string id_;
    Fd directory_, manifest_;
};

class Store {
public:
    /// `path` is made with all above it, 0700. Errc::denied where it is not this user's alone.
    static Result<Store> make(const std::string& path);
    /// Errc::not_found.
    static Result<Store> open(const std::string& path);

    /// A new run: its id is the day and a number.
    Result<Run> begin();
    std::vector<std::string> runs() const;
    /// Errc::busy: somebody is at it. Errc::not_found.
    Result<Run> take(const std::string& id) const;
    /// Its manifest, whoever is at it.
    Result<std::string> peek(const std::string& id) const;
    /// It and everything in it.
    Result<> drop(Run) const;
    /// A line more in the log, which nothing of ours ever shortens.
    Result<> log(std::string_view line) const;
    const std::string& path() const noexcept { return path_; }

private:
    Store(std::string path, Fd top, Fd undo) : path_(std::move(path)), top_(std::move(top)), undo_(std::move(undo)) {}
    static Result<Store> at(const std::string& path);
    std::string path_;
    Fd top_, undo_;
};

}  // namespace wye::sys
