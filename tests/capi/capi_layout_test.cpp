// vae_layout(): exactly the structs and fields of vae.h, in order, without
// padding between fields.
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

struct Line {
  std::string name;
  std::size_t first = 0, second = 0;
  bool is_field() const { return name.find('.') != std::string::npos; }
};

std::vector<Line> layout() {
  std::uint64_t needed = 0;
  good(vae_layout(nullptr, 0, &needed));
  std::string text(needed, '#');
  good(vae_layout(text.data(), needed, nullptr));
  REQUIRE(text.back() == '\0');
  text.pop_back();
  REQUIRE(text.back() == '\n');
  std::vector<Line> lines;
  std::istringstream stream(text);
  for (std::string row; std::getline(stream, row);) {
    std::istringstream fields(row);
    Line line;
    std::string rest;
    const bool whole = bool(fields >> line.name >> line.first >> line.second);
    REQUIRE_MESSAGE((whole && !(fields >> rest)), row);
    lines.push_back(line);
  }
  return lines;
}

/// "vae_config", "vae_config.struct_size", ... as vae.h declares them.
std::vector<std::string> declared() {
  std::ifstream file(VAE_HEADER);
  std::string header{std::istreambuf_iterator<char>(file), {}};
  header =
      std::regex_replace(header, std::regex(R"(/\*([^*]|\*[^/])*\*/)"), "");
  std::vector<std::string> names;
  const std::regex of_struct(R"(typedef struct (vae_\w+) \{([^}]*)\})");
  const std::regex of_field(R"((\w+)(\[\w+\])?;)");
  for (std::sregex_iterator s(header.begin(), header.end(), of_struct), end;
       s != end; ++s) {
    names.push_back((*s)[1]);
    const std::string body = (*s)[2];
    for (std::sregex_iterator f(body.begin(), body.end(), of_field); f != end;
         ++f)
      names.push_back(std::string((*s)[1]) + "." + std::string((*f)[1]));
  }
  return names;
}

}  // namespace

TEST_CASE("the layout names what the header declares, in its order") {
  std::vector<std::string> reported;
  for (const Line& line : layout()) reported.push_back(line.name);
  CHECK(reported.size() > 90);
  CHECK(reported == declared());
}

TEST_CASE("the sizes in the comments of vae.h are those of the structs") {
  std::ifstream file(VAE_HEADER);
  std::string header{std::istreambuf_iterator<char>(file), {}};
  header = std::regex_replace(header, std::regex(R"(\n \* +)"), " ");
  const std::regex stated(
      R"((\d+) bytes(, minimum (\d+))?\.([^*]|\*[^/])*\*/\s*typedef struct (vae_\w+) \{)");
  std::map<std::string, std::size_t> sizes;
  for (std::sregex_iterator s(header.begin(), header.end(), stated), end;
       s != end; ++s)
    sizes[(*s)[5]] = std::stoul((*s)[1]);
  for (const Line& line : layout()) {
    if (line.is_field()) continue;
    CAPTURE(line.name);
    CHECK(sizes[line.name] == line.first);
  }
}

TEST_CASE("fields follow each other and fill their struct") {
  std::size_t end = 0, size = 0;
  for (const Line& line : layout()) {
    CAPTURE(line.name);
    if (line.is_field()) {
      CHECK(line.first == end);
      end = line.first + line.second;
      continue;
    }
    CHECK(end == size);
    end = 0;
    size = line.first;
    CHECK(line.second == 8);
  }
  CHECK(end == size);
}

TEST_CASE("the layout is that of this program") {
  for (const Line& line : layout()) {
    if (line.name == "vae_config") CHECK(line.first == sizeof(vae_config));
    if (line.name == "vae_config.layers") {
      CHECK(line.first == offsetof(vae_config, layers));
      CHECK(line.second == sizeof(vae_config::layers));
    }
    if (line.name == "vae_param.name")
      CHECK(line.first == offsetof(vae_param, name));
  }
}

TEST_CASE("a layout buffer that is too small is not written to") {
  std::uint64_t needed = 0, again = 0;
  good(vae_layout(nullptr, 0, &needed));
  std::string text(needed - 1, '#');
  refused(vae_layout(text.data(), needed - 1, &again), VAE_E_TOO_SMALL,
          {std::to_string(needed)});
  CHECK(again == needed);
  CHECK(text == std::string(needed - 1, '#'));
}
