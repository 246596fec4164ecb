#include <wye/wye.hpp>

#include <cstdio>

struct Resize {
    unsigned image, width, height;
};

int main(int argc, char** argv) {
    return wye::run_main([&]() -> wye::Result<> {
        const auto* uri = argc > 1 ? argv[1] : "shm:resize";
        WYE_TRY(auto jobs, wye::Producer<Resize>::open(uri));
        for (unsigned i = 1; i <= 3; ++i) WYE_CHECK(jobs.put({.image = i, .width = 640, .height = 480}));
        WYE_TRY(auto worker, wye::Worker<Resize>::open(uri));  // in as many other processes as there is work
        for (unsigned done = 0; done < 3; ++done) {
            WYE_TRY(auto job, worker.take(std::chrono::seconds(10)));
            std::printf("image %u to %ux%u\n", job->image, job->width, job->height);
            WYE_CHECK(std::move(job).done());  // dropped, or its process killed: another worker gets it
        }
        return {};
    });
}
