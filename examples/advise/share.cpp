// Each job goes to one of the workers, and to another when that one dies over it. Over sockets one has `?listen`.
#include <wye/wye.hpp>

wye::Result<> put(const std::string& uri, int job) {
    WYE_TRY(auto jobs, wye::Producer<int>::open(uri, {}, std::chrono::seconds(10)));
    return jobs.put(job, std::chrono::seconds(10));
}

wye::Result<int> work(const std::string& uri) {
    WYE_TRY(auto jobs, wye::Worker<int>::open(uri, {}, std::chrono::seconds(10)));
    WYE_TRY(auto job, jobs.take(std::chrono::seconds(10)));
    const int done = *job;  // the work; dropped, or killed here, it comes again
    WYE_CHECK(std::move(job).done());
    return done;
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto ring = "shm:wye-example-" + std::to_string(getpid());
    for (const std::string& uri : {ring, std::string("unix:socket")}) {
        const auto hub = uri == ring ? uri : uri + "?listen";
        const pid_t worker = start([&] {
            const auto got = work(hub);
            return got && *got == 12 ? 0 : 1;
        });
        while (!put(uri, 12)) usleep(20'000);  // until it listens
        claim(answer_of(worker) == 0, uri.c_str());
    }
    claim(wye::remove(ring).has_value(), "removed");
}
