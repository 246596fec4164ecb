#include <wye/base/main.hpp>
#include <wye/process/command.hpp>

#include <cstdio>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    return wye::run_main([&]() -> wye::Result<> {
        const std::string name = argc > 1 ? argv[1] : "it's; rm -rf $HOME";
        // The name is an argument, whatever is in it. Both directions move at once, and after 10 s nothing of it runs.
        WYE_TRY(const auto found, wye::Command({"grep", "-F", "-c", "--", name})
                                      .in(wye::Source::bytes("first\n" + name + "\nlast\n"))
                                      .limit_output(1000)
                                      .run(10s));
        std::printf("%sgrep: %s\n", found.out.c_str(), found.exit.text().c_str());

        WYE_TRY(const auto top, wye::pipeline({wye::Command({"yes"}), wye::Command({"head", "-n", "1"})}).run(10s));
        std::printf("%s", top.out.c_str());

        const auto missing = wye::Command({"no-such-program"}).run(10s);
        std::printf("%s\n", missing ? "found?" : missing.error().message().c_str());
        return {};
    });
}
