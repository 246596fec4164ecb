// pipe: carries from the child to its parent; with socketpair: the parent may answer.
#include <wye/wye.hpp>

#include <unistd.h>

wye::Result<std::string> from_a_child(std::string_view uri) {
    WYE_TRY(auto ends, wye::open_pair(uri));
    if (::fork() == 0) ::_exit(ends.second.send(wye::bytes_of("hello"), std::chrono::seconds(10)) ? 0 : 1);
    ends.second.close();  // or the end of the child would not be seen
    WYE_TRY(const auto message, ends.first.recv_view(std::chrono::seconds(10)));
    return std::string(wye::text_of(message));
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    for (const auto* uri : {"pipe:", "socketpair:"}) {
        const auto got = from_a_child(uri);
        claim(got && *got == "hello", uri);
        int status = 0;
        claim(wait(&status) > 0 && status == 0, "the child has ended well");
    }
}
