#include "ring/stage.hpp"

#include "wye/registry/open.hpp"

#include <cstring>
#include <filesystem>

namespace wye::test {

using ring::Policy, ring::Shape;

std::string message(unsigned number, std::size_t size) {
    std::string s(size, '\0');
    for (std::size_t i = 0; i < size; ++i) s[i] = static_cast<char>(number * 31 + i * (number % 7 + 1));
    std::memcpy(s.data(), &number, sizeof number);
    return s;
}

Stage::Stage(Shape s, bool strict)
    : shape{.shape = s, .bytes = 2048, .participants = 8, .lanes = 2, .strict = strict} {}

Stage::~Stage() { (void)remove(uri()); }

ShmOptions Stage::options(Policy p, Create create) const {
    return {.made = shape, .create = create, .policy = p, .max_message = loaned, .most_lent = std::size_t{64} * 4096};
}

// ---------------------------------------------------------------- the victim

void Stage::send(std::size_t size, Deadline d) {
    const auto text = message(report->sent, size);
    ++report->sending;
    if (victim.writer->send(bytes_of(text), d))
        ++report->sent;
    else
        --report->sending;
}

void Stage::put(std::size_t size, Deadline d) {
    const auto text = message(report->sent, size);
    ++report->sending;
    if (victim.producer->send(bytes_of(text), d))
        ++report->sent;
    else
        --report->sending;
}

void Stage::commit() {
    ++report->sending;
    const auto text = message(report->sent, loaned);
    auto loan =
        victim.writer ? victim.writer->loan(loaned, Deadline::now()) : victim.producer->loan(loaned, Deadline::now());
    if (!loan) return;
    std::memcpy(loan->bytes().data(), text.data(), loaned);
    if (std::move(*loan).commit()) ++report->sent;
}

void Stage::recv(Deadline d) {
    static std::byte room[loaned];
    ++report->receiving;
    if (victim.reader->recv(room, d))
        ++report->received;
    else
        --report->receiving;
}

void Stage::take_job() {
    auto job = victim.worker->take(Deadline::now());
    if (!job) return;
    unsigned number = 0;
    std::memcpy(&number, job->bytes().data(), sizeof number);
    report->job = number + 1;
    victim.job = std::move(*job);
}

// ---------------------------------------------------------------- the others

void Stage::backlog(unsigned n, std::size_t size) {
    for (unsigned i = 0; i < n; ++i) {
        const auto text = message(sent, size);
        const auto done = own.writer ? own.writer->send(bytes_of(text), Deadline::now())
                                     : own.producer->send(bytes_of(text), Deadline::now());
        if (!done) return;
        ++sent;
    }
}

void Stage::pretend_sleepers() {
    const auto pages = or_throw(shm::Pages::open(name, shape, Create::never));
    pages.header->data.announced.store(1);
    pages.header->space.announced.store(1);
}

void Stage::problem(long& count, const std::string& what) {
    ++count;
    ADD_FAILURE() << where_ << ": " << what;
}

unsigned Stage::number_of(Bytes b, Tally& t) {
    unsigned number = 0;
    std::memcpy(&number, b.data(), std::min(b.size(), sizeof number));
    if (text_of(b) != message(number, b.size())) problem(t.torn, "torn: " + std::to_string(number));
    return number;
}

void Stage::verify(Tally& t, const std::string& where) {
    ++t.points;
    where_ = where;
    if (removing)
        verify_removed(t);
    else if (shape.shape == Shape::queue)
        verify_queue(t);
    else
        verify_lane(t);
    own = {};
    verify_nothing_left(t);
}

// What was committed before, by the victim or by us, reaches a reader that was there all the time, or reads on for a
// dead one: what that one was about to receive it has had, or left.
void Stage::read_up_to_here(ShmReader& reader, bool reads_on, Tally& t) {
    std::byte room[loaned];
    const unsigned sure = sent + report->sent, perhaps = sent + report->sending;
    unsigned next = reads_on ? report->received.load() : 0, lost = 0;
    for (bool first = reads_on;; first = false) {
        const auto got = reader.recv(room, Deadline::now());
        if (!got) break;
        const auto number = number_of(*got, t);
        if (first && number == report->receiving) next = number;
        next += static_cast<unsigned>(reader.lost()) - lost, lost = static_cast<unsigned>(reader.lost());
        if (number < next) problem(t.duplicated, std::to_string(number) + " again");
        if (number > next) problem(t.lost, std::to_string(next) + " to " + std::to_string(number - 1));
        next = number + 1;
    }
    if (next < sure && !(reads_on && report->receiving >= sure))
        problem(t.lost, std::to_string(next) + " of " + std::to_string(sure));
    if (next > perhaps) problem(t.duplicated, "more than was sent");
}

void Stage::go_on(ShmWriter& writer, ShmReader& reader, Tally& t) {
    std::byte room[loaned];
    for (unsigned i = 0; i < 40; ++i) {
        const auto text = message(later + i, i % 3 == 0 ? large_record : i % 3 == 1 ? in_line : record);
        if (const auto r = writer.send(bytes_of(text), patience); !r)
            return problem(t.stuck, "the next writer: " + r.error().message());
        const auto got = reader.recv(room, patience);
        if (!got) return problem(t.stuck, "the reader: " + got.error().message());
        if (number_of(*got, t) != later + i) problem(t.lost, "of what was sent afterwards");
    }
}

void Stage::verify_lane(Tally& t) {
    auto& reader = own.reader;
    auto& writer = own.writer;
    const bool wrote = report->came && !writer, reads_on = !reader && shape.shape == Shape::stream;
    if (!reader) {
        auto opened = ShmReader::open(name, options());
        if (!opened) return problem(t.stuck, "the next reader: " + opened.error().message());
        reader = std::move(*opened);
    }
    if (!created) read_up_to_here(*reader, reads_on, t);
    if (wrote) {  // told, and soon, what has become of the writer
        std::byte room[loaned];
        const auto end = reader->recv(room, patience);
        if (end || end.error().is(Errc::timed_out)) problem(t.stuck, "the reader is not told");
        if (!end && !end.error().is(Errc::peer_died) && !report->closing)
            problem(t.lost, "told: " + end.error().message());
    }
    if (!writer) {
        auto opened = ShmWriter::open(name, options());
        if (!opened) return problem(t.stuck, "the next writer: " + opened.error().message());
        writer = std::move(*opened);
    }
    go_on(*writer, *reader, t);
    lend_all(t);
}

// Whatever was lent before has come back.
void Stage::lend_all(Tally& t) {
    std::vector<Loan> all;
    const auto lend = [&] {
        return own.writer ? own.writer->loan(loaned, Deadline::now()) : own.producer->loan(loaned, Deadline::now());
    };
    for (auto l = lend(); l; l = lend()) all.push_back(std::move(*l));
    if (all.size() < 64) problem(t.leaked, "loans: " + std::to_string(all.size()) + " of 64");
}

void Stage::verify_queue(Tally& t) {
    const auto& r = *report;
    if (!own.worker) {
        auto opened = ShmWorker::open(name, options());
        if (!opened) return problem(t.stuck, "the next worker: " + opened.error().message());
        own.worker = std::move(*opened);
    }
    if (!own.producer) {
        auto opened = ShmProducer::open(name, options());
        if (!opened) return problem(t.stuck, "the next producer: " + opened.error().message());
        own.producer = std::move(*opened);
    }
    std::set<unsigned> seen;
    const unsigned sure = sent + r.sent, perhaps = sent + r.sending;
    const auto take = [&](Deadline d) -> std::optional<unsigned> {
        auto job = own.worker->take(d);
        if (!job) return {};
        const auto number = number_of(job->bytes(), t);
        if (!seen.insert(number).second) problem(t.duplicated, std::to_string(number));
        if (number + 1 == r.job && job->deliveries() < 2) problem(t.duplicated, "not flagged");
        std::move(*job).done();
        return number;
    };
    for (unsigned i = 0; i < 100; ++i) {
        const auto text = message(later + i, in_line);
        if (const auto done = own.producer->send(bytes_of(text), patience); !done)
            return problem(t.stuck, "a producer: " + done.error().message());
        if (!take(patience)) return problem(t.stuck, "a worker");
    }
    // The victim's may come after ours (another lane), and those that it had when it is found dead.
    for (int tries = 0; tries < 3; ++tries)
        while (take(std::chrono::milliseconds(5))) {}
    for (unsigned n = 0; n < sure; ++n)
        if (!seen.contains(n) && n >= r.received && n + 1 != r.receiving) problem(t.lost, std::to_string(n));
    for (const auto n : seen)
        if ((n < later && n >= perhaps) || n < r.received) problem(t.duplicated, std::to_string(n) + " was done");
    for (unsigned i = 0; i < 100; ++i)
        if (!seen.contains(later + i)) problem(t.lost, "of what was sent afterwards");
    lend_all(t);
}

// Whoever removes it again finishes that; everybody is told, and another may be made.
void Stage::verify_removed(Tally& t) {
    (void)remove(uri());
    std::byte room[loaned];
    if (own.reader)
        if (const auto r = own.reader->recv(room, patience); !r && r.error().is(Errc::timed_out))
            problem(t.stuck, "the reader is not told");
    own = {};
    auto again = ShmWriter::open(name, options(Policy::block, Create::exclusive));
    if (!again) return problem(t.stuck, "a new one: " + again.error().message());
    own.writer = std::move(*again);
    lend_all(t);
}

namespace {
struct Undertaker final : shm::State {
    using State::State;
};
}  // namespace

void Stage::verify_nothing_left(Tally& t) {
    if (auto pages = shm::Pages::open(name, shape, Create::never)) {
        Undertaker last(std::move(*pages), options());
        const auto& p = last.pages;
        const auto check = [&](bool good, const char* what) {
            if (!good) problem(t.leaked, what);
        };
        (void)last.join(shm::Role::none);
        last.bury_dead();
        unsigned here = 0;
        for (unsigned i = 0; i < last.all.slots(); ++i) here += last.all.who(i).has_value();
        check(here == 1, "a participant's place");
        for (const auto& l : p.lanes) check(l.header->writer.load() == 0, "a lane");
        for (unsigned i = 0; i < p.cursors.count; ++i) {
            const auto& c = p.cursors.cursors[i];
            check(c.mark.load() == 0, "a cursor");
            check(shape.shape == Shape::stream || c.policy.load() == 0, "a cursor's policy");
            for (const auto& k : c.kept) check(k.load() == 0, "a kept loan");
        }
        for (const auto& c : p.cells) check(ring::CellWord::of(c.word.load()).state == ring::Cell::free, "a cell");
        for (const auto& b : p.header->bank) check(b.owner.load() == 0, "a bank");
    }
    (void)remove(uri());
    const std::filesystem::path directory = "/dev/shm/wye-" + std::to_string(::geteuid());
    if (std::filesystem::exists(directory))
        for (const auto& f : std::filesystem::directory_iterator(directory))
            if (f.path().filename().string().contains(name)) problem(t.leaked, f.path());
    if (open_descriptors() != descriptors_) problem(t.leaked, "descriptors");
}

}  // namespace wye::test
