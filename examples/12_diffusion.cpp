// SPDX-License-Identifier: Apache-2.0
// Masked diffusion: fill a canvas in a few steps, fill the gaps of a text, and see how far each order is from the joint
// law at a given number of evaluations. The denoiser knows the law exactly, so every distance is exact, too.
//
//     example_12_diffusion               prints the table for 4 positions
//     example_12_diffusion curves.svg    for 5 positions, and draws it (docs/decode/diffusion.svg)
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/orders/entropy_bound.hpp>
#include <proviso/orders/factor.hpp>
#include <proviso/orders/first_hitting.hpp>
#include <proviso/orders/quota.hpp>
#include <proviso/orders/remasking.hpp>
#include <proviso/orders/threshold.hpp>
#include <proviso/testing/canvas_law.hpp>
#include <proviso/testing/table_denoiser.hpp>

using namespace proviso;
using tokens = std::vector<token_id>;

namespace {

const tokens prompt{1};

struct point {
  double evaluations;
  double distance;  // total variation from the joint law
};
struct curve {
  std::string name;
  std::string colour;
  std::vector<point> points{};
};

/// All orders on a Markov chain of three tokens.
std::vector<curve> measure(testing::markov_denoiser& net, std::size_t positions) {
  testing::canvas_sampler sampler{net, prompt};
  const tokens open(positions, net.mask_token());
  testing::canvas_law joint;
  tokens canvas(positions, 0);
  for (bool more = true; more;) {  // all canvases, as numbers of base 3
    joint[canvas] = net.joint(prompt, canvas);
    std::size_t i = 0;
    while (i < positions && ++canvas[i] == net.mask_token()) canvas[i++] = 0;
    more = i < positions;
  }
  std::vector<curve> curves;
  const auto add = [&](auto order, std::size_t steps) {
    const testing::canvas_report r = sampler.run(order, open, steps);
    curves.back().points.push_back({r.evaluations, testing::total_variation(r.law, joint)});
  };
  curves.push_back({"ancestral", "#1f6fb2"});
  for (const std::size_t n : {1U, 2U, 3U, 4U, 6U, 8U, 12U, 16U, 24U, 32U}) add(orders::ancestral{}, n);
  curves.push_back({"first hitting", "#0b3c6f"});
  add(orders::first_hitting{}, 1);
  const auto quotas = [&](const char* name, const char* colour, orders::ranking by) {
    curves.push_back({name, colour});
    for (std::size_t n = 1; n <= positions; ++n) add(orders::quota{by}, n);
  };
  quotas("quota, random", "#7f7f7f", orders::ranking::random);
  quotas("quota, spread", "#7cb518", orders::ranking::spread);
  quotas("quota, confidence", "#c03a2b", orders::ranking::confidence);
  quotas("quota, top", "#e377c2", orders::ranking::top);
  quotas("quota, margin", "#8e5bb5", orders::ranking::margin);
  quotas("quota, entropy", "#2c8c4a", orders::ranking::entropy);
  curves.push_back({"threshold", "#d98b19"});
  for (const double t : {0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}) add(orders::threshold{t}, 1);
  curves.push_back({"factor", "#17a2b0"});
  for (const double f : {8.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5}) add(orders::factor{f}, 1);
  curves.push_back({"entropy bound", "#000000"});
  for (const double b : {8.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.0}) add(orders::entropy_bound{b}, 1);
  curves.push_back({"remasking", "#b5651d"});
  for (const double in : {0.0, 0.4, 0.6, 0.8, 1.0}) add(orders::remasking{in, 0.35}, 1);
  return curves;
}

void print(const std::vector<curve>& curves) {
  std::printf("%-18s  expected evaluations : total variation from the joint law\n", "order");
  for (const curve& c : curves) {
    std::printf("%-18s", c.name.c_str());
    for (const point& p : c.points) std::printf("  %.2f:%.4f", p.evaluations, p.distance);
    std::printf("\n");
  }
}

/// Distances below 1e-4 are drawn there.
void plot(const std::vector<curve>& curves, std::size_t positions, const std::string& file) {
  std::ofstream out{file};
  const double left = 70.0;
  const double right = 560.0;
  const double top = 30.0;
  const double bottom = 380.0;
  const double widest = static_cast<double>(positions);
  const auto x = [&](double evaluations) { return left + (right - left) * (evaluations - 1.0) / (widest - 1.0); };
  const auto y = [&](double distance) {
    const double depth = -std::log10(distance < 1e-4 ? 1e-4 : distance) / 4.0;
    return top + (bottom - top) * depth;
  };
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 440\" font-family=\"sans-serif\" "
         "font-size=\"13\">\n"
      << "<rect width=\"760\" height=\"440\" fill=\"#ffffff\"/>\n";
  for (int e = 0; e <= 4; ++e) {
    const double at = y(std::pow(10.0, -e));
    out << "<path d=\"M" << left << " " << at << "H" << right << "\" stroke=\"#dddddd\"/><text x=\"" << left - 8.0
        << "\" y=\"" << at + 4.0 << "\" text-anchor=\"end\">" << (e == 4 ? "&#8804; " : "") << std::pow(10.0, -e)
        << "</text>\n";
  }
  for (std::size_t n = 1; n <= positions; ++n) {
    out << "<text x=\"" << x(static_cast<double>(n)) << "\" y=\"" << bottom + 20.0 << "\" text-anchor=\"middle\">" << n
        << "</text>\n";
  }
  out << "<text x=\"" << (left + right) / 2.0 << "\" y=\"" << bottom + 44.0
      << "\" text-anchor=\"middle\">expected evaluations</text>\n<text x=\"18\" y=\"" << (top + bottom) / 2.0
      << "\" text-anchor=\"middle\" transform=\"rotate(-90 18 " << (top + bottom) / 2.0
      << ")\">total variation from the joint law</text>\n";
  double legend = top + 10.0;
  for (const curve& c : curves) {
    out << "<path d=\"";
    for (std::size_t i = 0; i < c.points.size(); ++i) {
      out << (i == 0 ? "M" : "L") << x(c.points[i].evaluations) << " " << y(c.points[i].distance);
    }
    out << "\" fill=\"none\" stroke=\"" << c.colour << "\" stroke-width=\"1.8\"/>\n";
    for (const point& p : c.points) {
      out << "<circle cx=\"" << x(p.evaluations) << "\" cy=\"" << y(p.distance) << "\" r=\"3\" fill=\"" << c.colour
          << "\"/>";
    }
    out << "<path d=\"M580 " << legend << "h24\" stroke=\"" << c.colour << "\" stroke-width=\"3\"/><text x=\"612\" y=\""
        << legend + 4.0 << "\">" << c.name << "</text>\n";
    legend += 22.0;
  }
  out << "</svg>\n";
}

}  // namespace

int main(int count, char** arguments) {
  testing::markov_denoiser net{testing::random_table(3, 1, 7, 2.5F)};
  canvas_model canvases{net};

  // Sixteen tokens in four steps, those first of which the model is surest.
  decoder writer{
      diffusion{canvases, canvas_settings{.length = 16, .steps = 4}, orders::quota{orders::ranking::entropy}}};
  writer.run(prompt, [](generated_token t) { std::printf("%d ", static_cast<int>(t.token)); });
  const bool four = writer.stats().target_calls == 4;
  std::printf(" %zu tokens in %zu evaluations\n", writer.output().size(), std::size_t{writer.stats().target_calls});

  // The gaps of a text: given tokens stay where they are.
  const token_id gap = net.mask_token();
  const tokens text{0, gap, gap, 2, gap, 1};
  decoder filler{diffusion{canvases, canvas_settings{.given = text}, orders::threshold{0.7}}};
  filler.run(prompt, [](generated_token t) { std::printf("%d ", static_cast<int>(t.token)); });
  const bool kept = filler.output()[0].token == 0 && filler.output()[3].token == 2 && filler.output()[5].token == 1;
  std::printf(" filled\n\n");

  const std::size_t positions = count > 1 ? 5 : 4;
  const std::vector<curve> curves = measure(net, positions);
  print(curves);
  if (count > 1) plot(curves, positions, arguments[1]);

  // The ancestral sampler comes closer with every step; first hitting is exact.
  bool falls = true;
  for (std::size_t i = 1; i < curves[0].points.size(); ++i) {
    falls = falls && curves[0].points[i].distance < curves[0].points[i - 1].distance;
  }
  return four && kept && falls && curves[1].points.back().distance < 1e-6 ? 0 : 1;
}
