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
    return {.made = shape, .create = create, .policy = p, .max_message = loaned, .most_lent = lendable * 4096};
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

void Stage::take_job(Deadline d) {
    auto job = victim.worker->take(d);
    if (job) hand(std::move(*job));
}

void Stage::hand(ShmJob job) {
    unsigned number = 0;
    std::memcpy(&number, job.bytes().data(), sizeof number);
    report->job = number + 1;
    victim.job = std::move(job);
}

void Stage::do_run(std::size_t most) {
    (void)victim.worker->drain(
        most,
        [this](ShmJob job) {
            hand(std::move(job));
            do_job();
        },
        Deadline::now());
}

void Stage::do_job() {
    if (!victim.job) return;
    report->doing = report->job.load();
    std::move(*victim.job).done();
    if (const auto place = Report::place_of(report->job - 1); place < std::size(report->done))
        report->done[place] = true;
    report->job = 0;
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

// It is slow, and never dead: nobody else gets its place.
void Stage::rivals(Tally& t) {
    if (!report->came || report->closing || shape.shape == Shape::queue) return;
    const bool writes = !own.writer;
    if (!writes && shape.shape == Shape::broadcast) return;
    const bool got =
        writes ? ShmWriter::open(name, options()).has_value() : ShmReader::open(name, options()).has_value();
    if (got) problem(t.stuck, "declared dead while it lives");
}

void Stage::go_round(Tally& t, const std::string& where) {
    where_ = where;
    if (removing || created) return;
    rivals(t);
    if (shape.shape == Shape::queue) {
        if (!own.worker) own.worker = or_throw(ShmWorker::open(name, options()));
        if (!own.producer) own.producer = or_throw(ShmProducer::open(name, options()));
        // A strict order waits for whoever stands in it.
        const auto d = shape.strict ? Deadline::now() : Deadline(patience);
        while (round_ < 1000 && put_and_take(2 * later + round_, d, t)) ++round_;
        return;
    }
    const bool more = own.writer && !own.reader;
    for (int i = 0; i < 1000 / 20; ++i) {
        if (own.writer) backlog(20, in_line);
        if (own.reader) read_what_is_there(*own.reader, false, t);
        if (more && i > 2) return;  // its reader stands still: it is full
    }
}

// What was committed before, by the victim or by us, reaches a reader that was there all the time, or reads on for a
// dead one: what that one was about to receive it has had, or left.
void Stage::read_what_is_there(ShmReader& reader, bool reads_on, Tally& t) {
    std::byte room[loaned];
    if (reads_on) next_ = report->received;
    for (bool first = reads_on;; first = false) {
        const auto got = reader.recv(room, Deadline::now());
        if (!got) return;
        const auto number = number_of(*got, t);
        if (first && number == report->receiving) next_ = number;
        next_ += static_cast<unsigned>(reader.lost()) - lost_, lost_ = static_cast<unsigned>(reader.lost());
        if (number < next_) problem(t.duplicated, std::to_string(number) + " again");
        if (number > next_) problem(t.lost, std::to_string(next_) + " to " + std::to_string(number - 1));
        next_ = number + 1;
    }
}

void Stage::read_up_to_here(ShmReader& reader, bool reads_on, Tally& t) {
    const unsigned sure = sent + report->sent, perhaps = sent + report->sending;
    read_what_is_there(reader, reads_on, t);
    if (next_ < sure && !(reads_on && report->receiving >= sure))
        problem(t.lost, std::to_string(next_) + " of " + std::to_string(sure));
    if (next_ > perhaps) problem(t.duplicated, "more than was sent");
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
    const bool reads_on = !reader && shape.shape == Shape::stream;
    const bool wrote = report->came && !writer && (reader || reads_on);
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
    if (all.size() < lendable) problem(t.leaked, "loans: only " + std::to_string(all.size()));
}

std::optional<unsigned> Stage::take(Deadline d, Tally& t) {
    auto job = own.worker->take(d);
    if (!job) return {};
    const auto number = number_of(job->bytes(), t);
    if (!seen_.insert(number).second) problem(t.duplicated, std::to_string(number));
    if (number + 1 == report->job && job->deliveries() < 2) problem(t.duplicated, "not flagged");
    std::move(*job).done();
    return number;
}

bool Stage::put_and_take(unsigned number, Deadline d, Tally& t) {
    const auto text = message(number, in_line);
    if (const auto done = own.producer->send(bytes_of(text), d); !done) {
        if (!d.is_now()) problem(t.stuck, "a producer: " + done.error().message());
        return false;
    }
    if (!take(d, t) && !d.is_now()) return problem(t.stuck, "a worker"), false;
    return true;
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
    const unsigned sure = sent + r.sent, perhaps = sent + r.sending;
    for (unsigned i = 0; i < 100; ++i)
        if (!put_and_take(later + i, patience, t)) return;
    // The victim's may come after ours (another lane), and those that it had when it is found dead.
    for (int tries = 0; tries < 3; ++tries)
        while (take(std::chrono::milliseconds(5), t)) {}
    const auto had = [&](unsigned n) { return seen_.contains(n) || r.did(n) || n + 1 == r.doing; };
    for (unsigned n = 0; n < sure; ++n)
        if (!had(n)) problem(t.lost, std::to_string(n));
    for (unsigned i = 0; i < 100; ++i)
        if (!had(later + i)) problem(t.lost, "of what was sent afterwards");
    for (unsigned i = 0; i < round_; ++i)
        if (!had(2 * later + i)) problem(t.lost, "of what was sent meanwhile");
    for (const auto n : seen_)
        if ((n < later && n >= perhaps) || r.did(n)) problem(t.duplicated, std::to_string(n) + " was done");
    lend_all(t);
}

// Whoever removes it again finishes that; everybody is told, and another may be made.
void Stage::verify_removed(Tally& t) {
    (void)remove(uri());
    verify_no_files(t);
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

void Stage::verify_nothing_left(Tally& t) {
    if (shm::Pages::open(name, shape, Create::never)) {
        Undertaker last(*this);
        const auto& p = last.pages;
        const auto check = [&](bool good, const char* what) {
            if (!good) problem(t.leaked, what);
        };
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
        check(calls_fail || or_throw(SharedSegment::all_beside("bell", name)).empty(), "a bell");
    }
    (void)remove(uri());
    verify_no_files(t);
    if (open_descriptors() != descriptors_) problem(t.leaked, "descriptors");
}

void Stage::verify_no_files(Tally& t) {
    std::error_code none;  // the directory goes with whoever was the last in it
    for (const auto& f : std::filesystem::directory_iterator("/dev/shm/wye-" + std::to_string(::geteuid()), none))
        if (f.path().filename().string().contains(name)) problem(t.leaked, f.path());
}

}  // namespace wye::test
