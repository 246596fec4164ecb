// What sub and take have in common: when they end, and what comes out.
#pragma once
#include "command.hpp"
#include "output.hpp"

namespace wye::cli {

struct Consume {
    std::string uri, timeout, idle;
    std::uint64_t count = 0;
    Form form;

    void define(Arguments&, const char* where, const char* json_help);

    struct Ends {
        Deadline total = Deadline::never();
        std::optional<std::chrono::nanoseconds> idle;
        Deadline next() const { return idle ? total.sooner(*idle) : total; }
    };
    /// nullopt after a complaint.
    std::optional<Ends> ends(const char* verb) const;
    /// `step` handles one message, or answers Errc::timed_out; Errc::closed is an end. The exit code.
    int run(const char* verb, const Ends&, const std::function<Result<>(Deadline)>& step) const;
};

}  // namespace wye::cli
