// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Frequent words of a language, in UTF-8. Not views: the compiler would count the characters of each in every
/// including file.
struct language_sample {
  const char* name;
  const char* words;
};

/// What `language_profiles::bundled` learns from.
inline constexpr language_sample language_samples[] = {
    {"en",
     " the of and to is that for it as was with be by on not he his but at are this have from or had an they "
     "which you were her all she there would their we him been has when who will more no if out so said what up "
     "its about into than them can only other new some could time these two may then do first any my now such "
     "like our over also after most through where should because each just those people how too little good very "
     "make world still own see work between both being under used using option following information system file "
     "should command default value "},
    {"de",
     " der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er "
     "hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor "
     "zur bis mehr durch man sein wurde sei hatte kann gegen vom können schon wenn habe seine ihre dann unter wir "
     "soll ich eines zwei diese dieser wieder keine seiner worden will zwischen immer was sagte gibt alle seit "
     "muss wurden beim doch jetzt waren drei mir ihrer gut etwas müssen ohne möglich werden Datei Befehl System "
     "verwendet folgende Wert "},
    {"fr",
     " de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont la avec son "
     "aux d'un cette ou être mais comme on tout nous sa fait été aussi leur bien peut ces y deux ses très même si "
     "leurs entre sans non elle après encore ont faire alors était depuis vous donc avait dont contre autres "
     "toujours lorsque cela où quand pendant avant moins tous chaque fichier commande système valeur l'option "
     "utilisé permet c'est qu'il n'est d'une s'il nouveau première même peuvent doit êtes français "},
    {"es",
     " de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin "
     "sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque "
     "qué sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada "
     "vida otro después otros aunque esa eso hace otra gobierno tan durante siempre día tanto ella tres sí dijo "
     "sido gran país según archivo orden sistema valor opción utiliza siguiente información ción ciones "},
    {"ru",
     " и в не на я что с он как это по но из у за от о к то же для так вы все был бы его мы она они быть только "
     "уже или если когда может есть было её при их этот до нас ещё была где чем мне под время можно будет после "
     "также который которая которые без были него очень человек чтобы раз два там того надо теперь даже другой "
     "потом через файл команда система значение используется следующий параметр файла является ость ение ания "},
    {"ja",
     "のにはをたがでてとしれさあるいるもするからなこととしていやれるなどなっないこのためそのあったよう"
     "またものというありまでられなるへかだこれによっておりより行い方法使用場合設定します できます されます "
     "ファイル システム コマンド オプション 指定 表示 日本語 です ます ません ください について "
     "それ あなた わたし 私は 何か だけ など という では には とは でも けれど しかし 時間 人間 "},
    {"zh",
     "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可"
     "里后小么心多天而能好都然没日于起还发成事只作当想看文无开手用主行方又如前所本见经头面公同三已老"
     "从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力"
     "文件 系统 命令 使用 可以 选项 如果 没有 我们 他们 这个 一个 因为 所以 什么 自己 时候 设置 默认值 "},
    {"code",
     "\n    def __init__(self, name=None):\n        self.name = name\n        return self._items[0]\n    if x is "
     "not None and len(args) > 1:\n        raise ValueError('bad %s' % x)\n    for i in range(n):\n        "
     "try:\n            result.append(f(i))\n        except (KeyError, TypeError):\n            pass\n    import "
     "os, sys\nfrom a.b import c\nclass Foo(Base):\n    @property\n    while True: break; else: elif lambda x: x "
     "+ 1 == 0 != 2 <= 3\n#include <vector>\nint main(void) {\n  const char *p = NULL;\n  std::size_t n = 0;\n  "
     "return x->y(z[i], 0);\n}\nfunction(e) { var t = this.x; return !e && t || null; };\nstatic inline void "
     "f(int a); // note\nself.assertEqual("}};

/// What tells languages apart: how often each has the Unicode scripts, and which byte triples are frequent in it.
/// Immutable once filled, so any number of sequences and threads may read one.
class language_profiles {
 public:
  /// Adds a language, learned from a sample of it in UTF-8: some hundred frequent words, or a page of text. Throws
  /// `std::invalid_argument` for a sample of fewer than 3 bytes and for a name that is known.
  void add(std::string_view name, std::string_view sample);

  /// English, German, French, Spanish, Russian, Japanese, Chinese and program code, from lists of their most frequent
  /// words: `en`, `de`, `fr`, `es`, `ru`, `ja`, `zh`, `code`.
  static const language_profiles& bundled() {
    static const language_profiles all = [] {
      language_profiles known;
      for (const language_sample& s : language_samples) known.add(s.name, s.words);
      return known;
    }();
    return all;
  }

  std::size_t size() const noexcept { return names_.size(); }
  std::string_view name(std::size_t language) const noexcept { return names_[language]; }
  /// By how much a feature speaks for a language, in nats; 0 when the sample does not have it.
  float evidence(std::size_t language, std::size_t feature) const noexcept {
    return evidence_[feature * names_.size() + language];
  }

 private:
  friend class text_features;
  detail::list<std::string> names_;
  detail::list<float> evidence_;  // features x languages
};

/// Cuts bytes into features: each code point's script, and each triple of bytes, hashed. Latin capitals count as
/// small letters.
class text_features {
 public:
  static constexpr std::size_t scripts = 16;
  static constexpr std::size_t count = 8192;  // scripts first, then triples

  /// Calls `f(feature)` for the features that end with `byte`.
  template <class F>
  void next(unsigned char byte, F&& f) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<unsigned char>(byte - 'A' + 'a');
    last_ = ((last_ << 8U) | byte) & 0xFFFFFFU;
    if (++seen_ >= 3) f(scripts + static_cast<std::size_t>((last_ * 2654435761U) >> 8U) % (count - scripts));
    if (byte < 0x80U) {
      missing_ = 0;
      if (byte >= 'a' && byte <= 'z') f(std::size_t{1});
    } else if (byte >= 0xC0U) {
      missing_ = byte >= 0xF0U ? 3 : byte >= 0xE0U ? 2 : 1;
      point_ = byte & (0x3FU >> missing_);
    } else if (missing_ > 0) {
      point_ = (point_ << 6U) | (byte & 0x3FU);
      if (--missing_ == 0) f(script(point_));
    }
  }

  /// 0 for what belongs to no script (digits, punctuation), 1 for Latin; Han and kana, which Japanese mixes, differ.
  static constexpr std::size_t script(std::uint32_t point) noexcept {
    struct range {
      std::uint32_t first, last;
      std::size_t number;
    };
    constexpr range ranges[] = {{0xC0, 0x24F, 1},     {0x370, 0x3FF, 2},    {0x400, 0x52F, 3},     {0x530, 0x58F, 4},
                                {0x590, 0x5FF, 5},    {0x600, 0x77F, 6},    {0x900, 0x97F, 7},     {0x980, 0xDFF, 8},
                                {0xE00, 0xE7F, 9},    {0x10A0, 0x10FF, 10}, {0x1100, 0x11FF, 11},  {0x1E00, 0x1EFF, 1},
                                {0x1F00, 0x1FFF, 2},  {0x3040, 0x309F, 12}, {0x30A0, 0x30FF, 13},  {0x3400, 0x9FFF, 14},
                                {0xAC00, 0xD7AF, 11}, {0xF900, 0xFAFF, 14}, {0x20000, 0x3FFFF, 14}};
    for (const range& r : ranges) {
      if (point >= r.first && point <= r.last) return r.number;
    }
    return 0;
  }

 private:
  std::uint32_t last_ = 0;  // three bytes
  std::size_t seen_ = 0;
  std::uint32_t point_ = 0;  // code point in the making
  int missing_ = 0;          // bytes of it
};

inline void language_profiles::add(std::string_view name, std::string_view sample) {
  for (const std::string& known : names_) {
    if (known == name) {
      throw std::invalid_argument("proviso: language_profiles: the language '" + known + "' is there already");
    }
  }
  if (sample.size() < 3) {
    throw std::invalid_argument("proviso: language_profiles: the sample of a language needs 3 bytes at least");
  }
  detail::list<double> seen(text_features::count, 0.0);
  double triples = 0.0;
  double letters = 0.0;
  text_features cut;
  for (const char byte : sample) {
    cut.next(static_cast<unsigned char>(byte), [&](std::size_t feature) {
      seen[feature] += 1.0;
      (feature < text_features::scripts ? letters : triples) += 1.0;
    });
  }
  const std::size_t before = names_.size();
  detail::list<float> all(text_features::count * (before + 1));
  for (std::size_t f = 0; f < text_features::count; ++f) {
    for (std::size_t l = 0; l < before; ++l) all[f * (before + 1) + l] = evidence_[f * before + l];
    // The logarithm of a share, cut off below so that a feature nobody has speaks for nobody.
    const bool is_script = f < text_features::scripts;
    const double share = seen[f] / ((is_script ? letters : triples) + 1e-9);
    const double floor = is_script ? 1e-2 : 1e-3;
    // Latin letters stand in texts of every language: they are no evidence.
    all[f * (before + 1) + before] = f <= 1 ? 0.0F : static_cast<float>(numeric::log(1.0 + share / floor));
  }
  evidence_ = std::move(all);
  names_.push_back(std::string{name});
}

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
