#include "ring/scenes.hpp"

#include "wye/registry/open.hpp"

#include <ostream>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
using ring::Policy, ring::Shape;

// ---------------------------------------------------------------- comings

void victim_writes(Stage& s) {
    s.victim.writer = or_throw(ShmWriter::open(s.name, s.options()));
    s.report->came = true;
}
void victim_produces(Stage& s) { s.victim.producer = or_throw(ShmProducer::open(s.name, s.options())); }
void victim_works(Stage& s) { s.victim.worker = or_throw(ShmWorker::open(s.name, s.options())); }
auto victim_reads(Policy p = Policy::block) {
    return [p](Stage& s) {
        s.victim.reader = or_throw(ShmReader::open(s.name, s.options(p)));
        s.report->came = true;
    };
}

auto reads(Policy p = Policy::block) {
    return [p](Stage& s) { s.own.reader = or_throw(ShmReader::open(s.name, s.options(p))); };
}
void works(Stage& s) { s.own.worker = or_throw(ShmWorker::open(s.name, s.options())); }
// What the victim reads is sent after it has come.
auto writes(unsigned n, std::size_t size) {
    return [=](Stage& s) {
        s.own.writer = or_throw(ShmWriter::open(s.name, s.options()));
        s.backlog(n, size);
    };
}
auto produces(unsigned n, std::size_t size) {
    return [=](Stage& s) {
        s.own.producer = or_throw(ShmProducer::open(s.name, s.options()));
        s.backlog(n, size);
    };
}
void nobody(Stage&) {}

auto both(auto a, auto b) {
    return [=](Stage& s) { a(s), b(s); };
}

// ---------------------------------------------------------------- doings

auto send(std::size_t size, unsigned times = 1) {
    return [=](Stage& s) {
        for (unsigned i = 0; i < times; ++i) s.send(size);
    };
}
auto put(std::size_t size, unsigned times = 1) {
    return [=](Stage& s) {
        for (unsigned i = 0; i < times; ++i) s.put(size);
    };
}
void commit(Stage& s) { s.commit(); }
void recv(Stage& s) { s.recv(); }
void take_and_drop(Stage& s) {
    ++s.report->receiving;
    auto lease = s.victim.reader->take(Deadline::now());
    if (!lease) return;
    { const Lease dropped = std::move(*lease); }
    ++s.report->received;
}
// Of a loan: kept, another message received, and then let go.
void take_and_keep(Stage& s) {
    ++s.report->receiving;
    auto lease = s.victim.reader->take(Deadline::now());
    if (!lease) return;
    s.victim.lease = std::move(*lease);
    ++s.report->received;
    s.recv();
    s.victim.lease.reset();
}
void take(Stage& s) { s.take_job(); }
void job_done(Stage& s) { s.do_job(); }
void give_back(Stage& s) { s.victim.job.reset(); }
void work(Stage& s) { take(s), job_done(s); }
void work_a_run(Stage& s) { s.do_run(4); }
void close_writer(Stage& s) {
    s.report->closing = true;
    s.victim.writer.reset();
}
void leave(Stage& s) {
    s.report->closing = true;
    s.victim = {};
}
void sleepers(Stage& s) { s.pretend_sleepers(); }
// Reads to the end, and waits for what does not come.
void wait_to_read(Stage& s) { s.recv(12ms); }
void wait_to_write(Stage& s) { s.send(record, 12ms); }
void wait_for_jobs(Stage& s) { s.take_job(12ms); }
void drop(Stage& s) { (void)remove(s.uri()); }

void lanes(std::vector<Scene>& all, Shape shape, const std::string& name) {
    const auto add = [&](const char* what, auto set, auto before, auto body) {
        all.push_back({name + what, shape, false, set, before, body});
    };
    add("create", [](Stage& s) { s.created = true; }, nobody, victim_writes);
    add("open_writer", reads(), nobody, victim_writes);
    if (shape == Shape::stream)
        add("open_reader", writes(9, in_line), nobody, victim_reads());
    else
        add("open_reader", both(reads(), writes(9, in_line)), nobody, victim_reads());
    add("send_inline", reads(), victim_writes, send(in_line));
    add("send_record", reads(), victim_writes, send(record));
    add("send_wrap", reads(), both(victim_writes, send(in_line, 27)), [](Stage& s) {
        // The reader has not moved: only a pad fits, or nothing at all.
        s.send(record);
    });
    add("send_checkpoint", reads(), both(victim_writes, send(record, 3)), send(record));
    add("send_woken", both(reads(), sleepers), victim_writes, send(in_line));
    add("send_full_waits", reads(), both(victim_writes, send(record, 12)), wait_to_write);
    add("loan_first", reads(), victim_writes, commit);
    add("loan_again", reads(), both(victim_writes, both(commit, commit)), commit);
    add("close", reads(), both(victim_writes, send(in_line)), close_writer);
    add("remove", both(reads(), writes(3, loaned)), nobody, [](Stage& s) { drop(s); });
    all.back().set = [set = all.back().set](Stage& s) { set(s), s.removing = true; };
}

void readers(std::vector<Scene>& all) {
    const auto add = [&](const char* what, auto before, auto body, auto set) {
        all.push_back({std::string("stream_") + what, Shape::stream, false, set, before, body});
    };
    add("recv_inline", victim_reads(), recv, writes(9, in_line));
    add("recv_record", victim_reads(), recv, writes(5, record));
    add("recv_loan", victim_reads(), recv, writes(9, loaned));
    add("recv_wrap", both(victim_reads(), both(recv, recv)), recv, writes(12, large_record));
    add("recv_wakes", both(victim_reads(), sleepers), recv, writes(12, record));
    add("recv_waits", victim_reads(), wait_to_read, writes(0, in_line));
    add("waited_leave", both(victim_reads(), wait_to_read), leave, writes(0, in_line));
    add("take_copied", victim_reads(), take_and_drop, writes(5, record));
    add("take_loan", victim_reads(), take_and_drop, writes(9, loaned));
    add("take_kept", victim_reads(), take_and_keep, writes(9, loaned));
    add("leave", both(victim_reads(), recv), leave, writes(9, in_line));
}

// Beside the victim another one reads, and must be told exactly what it lost.
void subscribers(std::vector<Scene>& all) {
    constexpr std::pair<Policy, const char*> policies[] = {
        {Policy::block, "block_"}, {Policy::demote, "demote_"}, {Policy::drop, "drop_"}, {Policy::latest, "latest_"}};
    for (const auto& [policy, name] : policies) {
        const auto add = [&](const char* what, auto before, auto body, std::size_t size) {
            all.push_back({"broadcast_" + std::string(name) + what, Shape::broadcast, false,
                           both(reads(Policy::drop), writes(0, size)), before, body});
        };
        const auto join = victim_reads(policy);
        add("join", nobody, join, in_line);
        add("leave", join, leave, in_line);
        add("waits", join, wait_to_read, in_line);
    }
    const auto over = [&](const char* what, auto body, std::size_t size) {
        all.push_back({std::string("broadcast_drop_overrun_") + what, Shape::broadcast, false,
                       both(reads(Policy::drop), nobody), victim_writes, send(size, 1)});
        all.back().before = both(victim_writes, send(in_line, 30));
        all.back().body = body;
    };
    over("inline", send(in_line, 3), in_line);
    over("record", send(large_record), large_record);
    over("loan", commit, loaned);
}

void jobs(std::vector<Scene>& all, bool strict, const std::string& name) {
    const auto add = [&](const char* what, auto set, auto before, auto body) {
        all.push_back({name + what, Shape::queue, strict, set, before, body});
    };
    add("create", nobody, nobody, victim_produces);
    add("open_producer", works, nobody, victim_produces);
    add("open_worker", produces(5, in_line), nobody, victim_works);
    add("put_inline", works, victim_produces, put(in_line));
    add("put_record", works, victim_produces, put(record));
    add("put_wrap", works, both(victim_produces, put(record, 6)), put(record, 2));
    add("put_woken", both(works, sleepers), victim_produces, put(in_line));
    add("put_loan", works, victim_produces, commit);
    add("take", produces(5, in_line), victim_works, take);
    add("take_record", produces(5, record), victim_works, take);
    add("take_loan", produces(5, loaned), victim_works, take);
    add("take_again", produces(5, in_line), both(victim_works, work), take);
    add("take_run", produces(5, in_line), victim_works, work_a_run);
    add("take_run_loan", produces(5, loaned), both(victim_works, work), work_a_run);
    add("leave_run", produces(5, in_line), both(victim_works, work_a_run), leave);
    add("done", produces(5, in_line), both(victim_works, take), job_done);
    add("done_loan", produces(5, loaned), both(victim_works, take), job_done);
    add("give_back", produces(5, in_line), both(victim_works, take), give_back);
    add("take_given_back", produces(5, in_line), both(victim_works, both(take, give_back)), take);
    add("waits", produces(0, in_line), victim_works, wait_for_jobs);
    add("leave", produces(5, in_line), both(victim_works, work), leave);
    add("waited_leave", produces(0, in_line), both(victim_works, wait_for_jobs), leave);
    add("close", works, both(victim_produces, put(in_line)), leave);
}

}  // namespace

std::vector<Scene> scenes() {
    std::vector<Scene> all;
    lanes(all, Shape::stream, "stream_");
    readers(all);
    lanes(all, Shape::broadcast, "broadcast_");
    subscribers(all);
    jobs(all, false, "queue_");
    jobs(all, true, "strict_");
    return all;
}

void PrintTo(const Scene& s, std::ostream* out) { *out << s.name; }

}  // namespace wye::test
