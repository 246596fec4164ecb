// What a tour carries: something real that every machine has.
#include "wye/base/text.hpp"

#include "tour.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace wye::cli {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t least = 9 << 20;

std::vector<std::pair<std::uint64_t, std::string>> readable_files(const char* directory) {
    std::vector<std::pair<std::uint64_t, std::string>> found;
    std::error_code e;
    for (fs::directory_iterator it(directory, e), end; !e && it != end; it.increment(e)) {
        std::error_code gone;
        if (it->is_symlink(gone) || !it->is_regular_file(gone) || ::access(it->path().c_str(), R_OK) != 0) continue;
        if (const auto n = it->file_size(gone); !gone && n > 0) found.emplace_back(n, it->path().string());
    }
    return found;
}
}  // namespace

Result<Material> choose_material(const std::string& file) {
    if (!file.empty()) {
        std::error_code e;
        const auto size = fs::file_size(file, e);
        if (e)
            return refuse(e == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::failed,
                          fmt::format("{}: {}", escape(file), e.message()));
        if (::access(file.c_str(), R_OK) != 0)
            return refuse(Errc::denied, fmt::format("{}: permission denied", escape(file)));
        if (size == 0)
            return refuse(Errc::mismatch, fmt::format("{}: is empty; give a file with something in it", escape(file)));
        return Material{{file}, size, file};
    }
    // The largest programs first: few files, and the same ones each time.
    for (const char* directory : {"/usr/bin", "/bin", "/usr/lib"}) {
        auto files = readable_files(directory);
        std::ranges::sort(files, std::greater{});
        Material m;
        for (const auto& [size, path] : files) {
            m.files.push_back(path);
            m.bytes += size;
            if (m.bytes >= least) break;
        }
        if (m.bytes < least) continue;
        m.bytes = std::min<std::uint64_t>(m.bytes, 64 << 20);
        m.label =
            m.files.size() == 1 ? m.files[0] : fmt::format("the {} largest programs of {}", m.files.size(), directory);
        return m;
    }
    return refuse(Errc::not_found, "no 9 MiB of readable files in /usr/bin; give a file: wye tour FILE");
}

}  // namespace wye::cli
