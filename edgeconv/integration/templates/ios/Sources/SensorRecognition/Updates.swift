#if canImport(CryptoKit)
  import CryptoKit
  import Foundation
  import SensorStreaming

  /// Why an update was not taken. The model that was there stays.
  public enum UpdateRefusal: String, Sendable, Equatable {
    case noKey = "no_key"
    case unreadable
    case wrongSignature = "wrong_signature"
    case unknownFormat = "unknown_format"
    case otherModel = "other_model"
    case otherContract = "other_contract"
    case notNewer = "not_newer"
    case appTooOld = "app_too_old"
    case damagedFile = "damaged_file"
    case selfTestFailed = "self_test_failed"
    case storageFailed = "storage_failed"
  }

  /// That an update was not taken, and why.
  public struct RefusedUpdate: LocalizedError, Sendable {
    public let reason: UpdateRefusal
    /// What an engineer wants to know besides.
    public let detail: String
    /// Of the self-test, where that was the reason.
    public let record: SelfTestRecord?

    init(_ reason: UpdateRefusal, _ detail: String = "", record: SelfTestRecord? = nil) {
      self.reason = reason
      self.detail = detail
      self.record = record
    }

    public var errorDescription: String? {
      "The update was refused (\(reason.rawValue))\(detail.isEmpty ? "" : ": \(detail)")."
    }
  }

  /// What `update.json` says.
  struct UpdateManifest: Decodable, Equatable, Sendable {
    struct File: Decodable, Equatable, Sendable {
      let path: String
      let bytes: Int
      let sha256: String
    }

    struct Artifact: Decodable, Equatable, Sendable {
      let name, sha256: String
    }

    let format: String
    let schemaVersion: Int
    let name: String
    let version: Int
    let minAppVersion: String
    let contractSha256: String
    let artifact: Artifact
    let selfTest: String
    let files: [File]

    /// - Throws: ``RefusedUpdate`` where a field is missing or of another type.
    init(_ data: Data) throws {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      guard let manifest = try? decoder.decode(UpdateManifest.self, from: data),
        manifest.format == "edgeconv-update", manifest.schemaVersion == 1, manifest.version >= 1,
        manifest.files.allSatisfy({ $0.bytes >= 0 }), manifest.digests.allSatisfy(Self.isDigest)
      else { throw RefusedUpdate(.unknownFormat) }
      self = manifest
    }

    private var digests: [String] {
      [contractSha256, artifact.sha256] + files.map(\.sha256)
    }

    private static func isDigest(_ text: String) -> Bool {
      text.utf8.count == 64
        && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
  }

  /// What an app has when an update comes, and what it demands of one.
  struct UpdateCheck: Sendable {
    let name: String
    let contractSha256: String
    /// The highest version that was ever installed.
    let floor: Int
    let appVersion: String
    /// Base64 of the SubjectPublicKeyInfo; empty: no updates are taken.
    let publicKey: String

    init(floor: Int, appVersion: String) {
      self.init(
        name: Contract.name, contractSha256: Contract.contractSha256, floor: floor,
        appVersion: appVersion, publicKey: Contract.updateKey)
    }

    init(
      name: String, contractSha256: String, floor: Int, appVersion: String, publicKey: String
    ) {
      self.name = name
      self.contractSha256 = contractSha256
      self.floor = floor
      self.appVersion = appVersion
      self.publicKey = publicKey
    }

    /// The manifest of an update whose files are all there and all as they were signed.
    ///
    /// - Parameter file: the contents of a path in the update; `nil` where there are none.
    /// - Throws: ``RefusedUpdate``, or what `file` throws.
    func manifest(_ file: (String) throws -> Data?) throws -> UpdateManifest {
      if publicKey.isEmpty { throw RefusedUpdate(.noKey) }
      guard let content = try file("update.json"), let signature = try file("update.sig") else {
        throw RefusedUpdate(.unreadable)
      }
      guard isSigned(content, signature) else { throw RefusedUpdate(.wrongSignature) }
      let manifest = try UpdateManifest(content)
      if manifest.name != name { throw RefusedUpdate(.otherModel) }
      if manifest.contractSha256 != contractSha256 { throw RefusedUpdate(.otherContract) }
      if manifest.version <= floor { throw RefusedUpdate(.notNewer) }
      if Self.isBefore(appVersion, manifest.minAppVersion) { throw RefusedUpdate(.appTooOld) }
      guard try isWhole(manifest, file) else { throw RefusedUpdate(.damagedFile) }
      return manifest
    }

    private func isSigned(_ content: Data, _ signature: Data) -> Bool {
      guard let der = Data(base64Encoded: publicKey),
        let key = try? P256.Signing.PublicKey(derRepresentation: der),
        var text = String(data: signature, encoding: .ascii)
      else { return false }
      if text.hasSuffix("\n") { text.removeLast() }
      guard let raw = Data(base64Encoded: text),
        let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: raw)
      else { return false }
      return key.isValidSignature(parsed, for: content)
    }

    /// Whether every file is the one that was signed, and the model and its test are among them.
    private func isWhole(
      _ manifest: UpdateManifest, _ file: (String) throws -> Data?
    ) throws -> Bool {
      let paths = manifest.files.map(\.path)
      guard Set(paths).count == paths.count, paths.allSatisfy(Self.isSafe) else { return false }
      for entry in manifest.files {
        guard let content = try file(entry.path), content.count == entry.bytes,
          Self.sha256(content) == entry.sha256
        else { return false }
      }
      let model = manifest.artifact.name
      guard paths.contains(where: { $0 == model || $0.hasPrefix("\(model)/") }),
        paths.contains(manifest.selfTest), let content = try file(manifest.selfTest),
        let test = try? SelfTest(content)
      else { return false }
      return test.artifact.sha256 == manifest.artifact.sha256
    }

    static func sha256(_ data: Data) -> String {
      SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
    }

    /// Whether a path stays in the update's folder. By bytes: a slash with an accent is another
    /// character in Swift, but parts folders all the same.
    private static func isSafe(_ path: String) -> Bool {
      let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      return !path.utf8.contains { "\\:\0".utf8.contains($0) }
        && parts.allSatisfy { !["", ".", ".."].contains(String(decoding: $0, as: UTF8.self)) }
    }

    /// Whether one version of an app is before another, number by number.
    static func isBefore(_ a: String, _ b: String) -> Bool {
      let (ours, theirs) = (numbers(a), numbers(b))
      for index in 0..<max(ours.count, theirs.count) {
        let (one, other) = (
          index < ours.count ? ours[index] : 0, index < theirs.count ? theirs[index] : 0
        )
        if one != other { return one < other }
      }
      return false
    }

    /// Those at the beginning; what follows the first other character is not read.
    private static func numbers(_ version: String) -> [Int] {
      let start = version.prefix { ($0.isASCII && $0.isNumber) || $0 == "." }
      return start.split(separator: ".", omittingEmptySubsequences: false)
        .prefix { !$0.isEmpty }.map { Int($0) ?? .max }
    }
  }
#endif
