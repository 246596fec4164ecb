#include "os/inject.hpp"
#include "os/snapshot/pass.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>

namespace wye::sys {
namespace {

std::vector<SeenMap> maps(bool private_too) {
    Reader reader;
    std::vector<SeenMap> all;
    EXPECT_EQ(take_maps(reader, AT_FDCWD, "/proc/self/maps", private_too, all), 0);
    return all;
}

std::vector<std::string> lines(const std::vector<SeenMap>& all) {
    std::vector<std::string> texts;
    for (const auto& m : all)
        if (m.shared)
            texts.push_back(std::to_string(m.start) + "-" + std::to_string(m.end) + " " + std::to_string(m.offset) +
                            (m.write ? " w " : " r ") + std::to_string(m.file.dev) + ":" + std::to_string(m.file.ino) +
                            " " + m.name);
    return texts;
}

class Maps : public ::testing::Test {
protected:
    Maps() {
        for (const int access : {O_RDONLY, O_RDWR}) {
            const int fd = ::open((dir / "a file").c_str(), access | O_CREAT | O_CLOEXEC, 0600);
            EXPECT_EQ(access == O_RDWR ? ::ftruncate(fd, 16384) : 0, 0);
            ::mmap(nullptr, 4096, access == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 8192);
            ::close(fd);
        }
        ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        const int id = ::shmget(IPC_PRIVATE, 4096, 0600);
        ::shmat(id, nullptr, SHM_RDONLY);
        ::shmctl(id, IPC_RMID, nullptr);
    }
    test::TempDir dir;
};

TEST_F(Maps, AskedOneByOneAreWhatTheTextSays) {
    const auto asked = lines(maps(false));
    EXPECT_EQ(asked, lines(maps(true)));
    const auto has = [&](std::string_view part) {
        return std::ranges::count_if(asked, [&](const auto& l) { return l.contains(part); });
    };
    EXPECT_EQ(has(dir / "a file"), 2);
    EXPECT_GE(has("/SYSV00000000 (deleted)"), 1);
}

TEST_F(Maps, AreReadAsTextWhereTheKernelCannotBeAsked) {
    const auto text = lines(maps(true));
    for (const int error : {ENOTTY, EINVAL, ENAMETOOLONG})
        for (const unsigned nth : {1u, 2u}) {
            const Inject fault{{.call = Call::read, .nth = nth, .error = error}};
            EXPECT_EQ(lines(maps(false)), text);
            EXPECT_EQ(fault.hits(), 1u);
        }
}

}  // namespace
}  // namespace wye::sys
