import Foundation
import SensorStreaming

/// The model of this package on this device: proven before its first decision, and updated safely.
///
/// ```swift
/// let model = try ProvenModel()
/// let classifier = try await model.classifier()
/// ```
///
/// The first call runs the golden windows of `selftest.json` on every compute unit that the app
/// allows, and again after each update of app, model or system. A unit that answers otherwise than
/// the file did when it was made is not used again; the CPU is the fallback.
public actor ProvenModel {
  typealias Open = @Sendable (ModelFile, String) async throws -> any Engine

  /// Those that the app allows; the first is the fallback.
  public nonisolated let units: [String]
  /// Where everything is stored.
  public nonisolated let folder: URL
  /// What the tests said so far: the verdict and the figures of each unit.
  public private(set) var record: SelfTestRecord?
  /// Whether an installed update no longer held what it promised, and the app's own model is used.
  public private(set) var rolledBack = false

  private let appVersion: String
  private let own: ModelFile
  private let openFile: Open

  init(
    units: [String], folder: URL, appVersion: String, own: ModelFile, open: @escaping Open
  ) throws {
    precondition(!units.isEmpty)
    self.units = units
    self.folder = folder
    self.appVersion = appVersion
    self.own = own
    openFile = open
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    record = SelfTestRecord(contentsOf: Self.recordURL(in: folder))
  }

  /// The results file of the latest self-test: `edgeconv golden check BUNDLE FILE` judges it.
  public nonisolated var recordURL: URL { Self.recordURL(in: folder) }

  private static func recordURL(in folder: URL) -> URL {
    folder.appendingPathComponent("self-test.json")
  }

  /// What classifies from now on: the installed update, or the app's own model.
  ///
  /// - Throws: ``RecognitionError/noUnitPassed(_:)`` where no unit answers as it must: the app then
  ///   has no model.
  public func classifier() async throws -> Classifier {
    if let update = installed() {
      do {
        return try await proven(update)
      } catch {
        rollBack("\(error)")
      }
    }
    return try await proven(own)
  }

  private func proven(_ file: ModelFile) async throws -> Classifier {
    let key = self.key(of: file)
    let (tested, engines) = await test(file, key: key, before: record) { record in
      store(record, of: file.test, as: recordURL)
    }
    record = tested
    guard let unit = tested.chosen else { throw RecognitionError.noUnitPassed(tested) }
    let engine: any Engine
    if let open = engines[unit] { engine = open } else { engine = try await openFile(file, unit) }
    Log.note("\(unit) runs the model")
    return Classifier(engine: engine, sha256: file.sha256)
  }

  /// The record after every unit has a verdict and one is chosen, if one passed; and what is open.
  private func test(
    _ file: ModelFile, key: SelfTestKey, before: SelfTestRecord?, keep: (SelfTestRecord) -> Void
  ) async -> (SelfTestRecord, [String: any Engine]) {
    var engines: [String: any Engine] = [:]
    var record = await file.test.run(on: units, key: key, before: before, keep: keep) { unit in
      let engine = try await openFile(file, unit)
      engines[unit] = engine
      return engine
    }
    let passing = record.passing(units)
    if !passing.isEmpty, record.chosen.map({ !passing.contains($0) }) ?? true {
      for unit in passing where engines[unit] == nil {
        engines[unit] = try? await openFile(file, unit)
      }
      let clock = ContinuousClock()
      let times = await file.test.measure(passing) { unit, vector in
        guard let engine = engines[unit] else { throw RecognitionError.noModel(unit) }
        let begin = clock.now
        _ = try await engine.outputs(for: vector.input)
        return (clock.now - begin) / .milliseconds(1)
      }
      let measured = times.compactMapValues { try? $0.get() }
      if measured.isEmpty {
        record.note(times, medians: [:])
      } else {
        let choice = SelfTest.choose(units, times: measured)
        record.note(times, medians: choice.medians)
        record.chosen = choice.chosen
      }
    }
    keep(record)
    return (record, engines)
  }

  private func key(of file: ModelFile) -> SelfTestKey {
    SelfTestKey(appVersion: appVersion, modelSha256: file.sha256, system: Device.system)
  }

  /// A record that cannot be stored costs another test at the next start, nothing else.
  private func store(_ record: SelfTestRecord, of test: SelfTest, as url: URL) {
    do {
      try record.json(test: test, device: Device.model).write(to: url, options: .atomic)
    } catch {
      Log.note("the self-test's record cannot be stored: \(error)")
    }
  }

  // Updates.

  /// What is installed besides the app's own model.
  private struct Installed: Codable {
    var folder: String?
    var version: Int?
    /// The highest version that was ever installed.
    var floor: Int
  }

  private nonisolated var stateURL: URL { folder.appendingPathComponent("installed.json") }
  private nonisolated var updates: URL { folder.appendingPathComponent("updates") }

  /// - Throws: what the file system says of a file that is there: before the first unlock after a
  ///   restart no app reads its files. That is no reason to forget an update or the floor.
  private func readState() throws -> Installed {
    var state = Installed(floor: 0)
    if FileManager.default.fileExists(atPath: stateURL.path) {
      let data = try Data(contentsOf: stateURL)
      state = (try? JSONDecoder().decode(Installed.self, from: data)) ?? state
    }
    state.floor = max(state.floor, Contract.modelVersion)
    return state
  }

  /// The version of the installed update; `nil` where the app's own model is used.
  public var installedVersion: Int? { (try? readState())?.version }

  private func store(_ state: Installed) throws {
    try JSONEncoder().encode(state).write(to: stateURL, options: .atomic)
  }

  /// Goes back to the app's own model. The versions that were installed stay refused.
  public func removeUpdate() throws {
    var state = try readState()
    (state.folder, state.version) = (nil, nil)
    try store(state)
    removeFolders(but: nil)
  }

  private func rollBack(_ reason: String) {
    Log.note("the update is removed: \(reason)")
    rolledBack = true
    try? removeUpdate()
  }

  private func removeFolders(but name: String?) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: updates.path)) ?? []
    for other in names where other != name {
      try? FileManager.default.removeItem(at: updates.appendingPathComponent(other))
    }
  }

  #if canImport(CryptoKit)
    /// Verifies an update, tests it on this device and puts it in the place of the present model.
    ///
    /// ``classifier()`` then opens it. An app that is stopped at any moment has the old model or
    /// the new one.
    ///
    /// - Parameter update: a folder that `edgeconv sign` wrote.
    /// - Returns: its version.
    /// - Throws: ``RefusedUpdate``; the present model stays.
    @discardableResult
    public func install(_ update: URL) async throws -> Int {
      let state: Installed
      do {
        state = try readState()
      } catch {
        throw RefusedUpdate(.storageFailed, "\(error)")
      }
      let check = UpdateCheck(floor: state.floor, appVersion: appVersion)
      let manifest = try check.manifest { Self.contents($0, of: update) }
      let staged = updates.appendingPathComponent("staged-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: staged) }
      do {
        for path in manifest.files.map(\.path) + ["update.json", "update.sig"] {
          let place = staged.appendingPathComponent(path)
          try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
          try FileManager.default.copyItem(at: update.appendingPathComponent(path), to: place)
        }
      } catch {
        throw RefusedUpdate(.storageFailed, "\(error)")
      }
      let file = try Self.file(of: check.manifest { Self.contents($0, of: staged) }, in: staged)
      let trial = folder.appendingPathComponent("update-test.json")
      let before = SelfTestRecord(contentsOf: trial)
      let (tested, _) = await test(file, key: key(of: file), before: before) { record in
        store(record, of: file.test, as: trial)
      }
      guard tested.chosen != nil else {
        throw RefusedUpdate(.selfTestFailed, "no unit passed", record: tested)
      }
      do {
        let name = "\(manifest.version)"
        let place = updates.appendingPathComponent(name)
        try? FileManager.default.removeItem(at: place)
        try FileManager.default.moveItem(at: staged, to: place)
        try store(Installed(folder: name, version: manifest.version, floor: manifest.version))
        removeFolders(but: name)
      } catch {
        throw RefusedUpdate(.storageFailed, "\(error)")
      }
      record = tested
      store(tested, of: file.test, as: recordURL)
      rolledBack = false
      return manifest.version
    }

    /// The installed update, if it is still what was signed.
    private func installed() -> ModelFile? {
      guard let state = try? readState() else { return nil }
      removeFolders(but: state.folder)
      guard let name = state.folder, let version = state.version else { return nil }
      if Contract.modelVersion >= version {  // the app came with a newer model
        try? removeUpdate()
        return nil
      }
      let place = updates.appendingPathComponent(name)
      do {
        let check = UpdateCheck(floor: version - 1, appVersion: appVersion)
        return try Self.file(of: check.manifest { Self.contents($0, of: place) }, in: place)
      } catch {
        rollBack("\(error)")
        return nil
      }
    }

    private static func file(of manifest: UpdateManifest, in place: URL) throws -> ModelFile {
      guard let data = contents(manifest.selfTest, of: place), let test = try? SelfTest(data)
      else { throw RefusedUpdate(.damagedFile, manifest.selfTest) }
      return ModelFile(
        url: place.appendingPathComponent(manifest.artifact.name),
        sha256: manifest.artifact.sha256, test: test)
    }

    private static func contents(_ path: String, of place: URL) -> Data? {
      try? Data(contentsOf: place.appendingPathComponent(path))
    }
  #else
    private func installed() -> ModelFile? { nil }
  #endif
}
