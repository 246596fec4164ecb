// One object before the judge: what is known of it, and what speaks for and against an orphan.
#pragma once
#include "os/snapshot/snapshot.hpp"
#include "registry/verdict.hpp"

namespace wye {

class Case {
public:
    Case(const Item& i, const Inventory& a, const sys::Snapshot& s, const Oracle& o, std::chrono::seconds left_alone)
        : item(i), all(a), seen(s), oracle(o), age(left_alone) {}

    const Item& item;
    const Inventory& all;
    const sys::Snapshot& seen;
    const Oracle& oracle;
    const std::chrono::seconds age;
    Judged out{};

    void add(char mark, std::string_view test, std::string_view result, std::string text) {
        out.evidence.push_back({mark, std::move(text), test, result});
    }
    void speaks_for(std::string_view test, std::string_view result, std::string text) {
        add('+', test, result, std::move(text));
    }
    /// Against it: it is this at the best.
    void against(Verdict v, std::string_view test, std::string_view result, std::string text) {
        add('-', test, result, std::move(text)), lower(v);
    }
    /// What cannot be known.
    void doubt(Verdict v, std::string_view test, std::string_view result, std::string text) {
        add('!', test, result, std::move(text)), lower(v);
    }
    void held(std::string_view test, std::string_view result, std::string text) {
        add('-', test, result, std::move(text)), out.verdict = Verdict::held, decided_ = true;
    }
    bool decided() const noexcept { return decided_; }
    void decide(Verdict v) noexcept { out.verdict = v, decided_ = true; }
    void lower(Verdict v) noexcept { best_ = std::max(best_, v); }
    Verdict best() const noexcept { return best_; }

    const std::uint64_t* number(std::string_view fact) const noexcept;
    bool whole() const noexcept { return all.coverage.whole(); }
    /// When a fact says that something was done last, in nanoseconds since 1970; 0: never, or not told.
    std::int64_t time(std::string_view fact) const noexcept;
    /// When anything was done to it last.
    std::int64_t touched() const noexcept;
    /// Whether it began when that had been done already; a second is allowed for clocks.
    bool younger(const sys::SeenProcess&, std::int64_t than) const noexcept;

private:
    Verdict best_ = Verdict::proven;
    bool decided_ = false;
};

std::string called(const sys::SeenProcess&);

// The kinds, each adding its evidence. Files:
void judge_shared_file(Case&, const std::string& path);
void judge_queue(Case&);
void judge_fifo(Case&);
void judge_socket(Case&);
void judge_pid_file(Case&);
void judge_directory(Case&);
// System V, and the namespaces of that.
void judge_segment(Case&);
void judge_set(Case&);
void judge_message_queue(Case&);
void judge_namespace(Case&);

/// What is wrong with what somebody has; empty: nothing.
std::string diagnosis_of(const Case&);

}  // namespace wye
