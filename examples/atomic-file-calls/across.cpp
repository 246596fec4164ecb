// rename() and link() work within one mounted filesystem: across, they are EXDEV, and a copy is not one step.
#include "../demo.hpp"

#include <sys/stat.h>

#include <cerrno>

int main() {
    own_directory();
    close(open("here", O_WRONLY | O_CREAT, 0600));
    struct stat here, there;
    if (stat("here", &here) != 0 || stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev) return 77;
    char to[64];
    std::snprintf(to, sizeof to, "/dev/shm/wye-example-%d", getpid());
    claim(rename("here", to) < 0 && errno == EXDEV, "rename");
    claim(link("here", to) < 0 && errno == EXDEV, "link");
    claim(access("here", F_OK) == 0 && access(to, F_OK) < 0, "nothing was moved");
}
