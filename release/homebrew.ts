import { join } from 'node:path';
import { sha256Of } from './artifacts.ts';
import { archiveName } from './command.ts';
import type { Platform } from './platforms.ts';
import { downloadUrl, type Release, repository, version } from './release.ts';

/** Homebrew's names. */
const systems = { darwin: 'macos', linux: 'linux' } as const;
const processors = { amd64: 'intel', arm64: 'arm' } as const;

/** The formula by which Homebrew installs the command. */
export function homebrewFormula(release: Release): string {
  const blocks = Object.entries(systems).map(([os, system]) => {
    const own = release.platforms.filter((platform) => platform.os === os);
    return own.length === 0 ? '' : `\n  on_${system} do\n${own.map(download(release)).join('')}  end\n`;
  });
  return `class Tagpin < Formula
  desc "Pins image tags to digests as pods are admitted to Kubernetes"
  homepage "${repository}"
  version "${version}"
  license "Apache-2.0"
${blocks.join('')}
  def install
    bin.install "tagpin", "kubectl_complete-tagpin"
    bin.install_symlink "tagpin" => "kubectl-tagpin"
    generate_completions_from_executable(bin/"tagpin", "completion")
  end

  test do
    assert_equal version.to_s, shell_output("#{bin}/tagpin --version").strip
  end
end
`;
}

const download =
  ({ out }: Release) =>
  (platform: Platform) =>
    `    on_${processors[platform.arch]} do
      url "${downloadUrl(archiveName(platform))}"
      sha256 "${sha256Of(join(out, archiveName(platform)))}"
    end
`;
