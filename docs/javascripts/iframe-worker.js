// A page that is opened from the disk may start no worker. The one worker of the site, its search, then runs in a hidden
// frame of the page. On a web server nothing of this happens. (The theme would take such a script from another host.)
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.onload = () => {
        const inside = frame.contentWindow;
        inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        const script = inside.document.createElement("script");
        script.src = url;
        script.onload = () => {
          this.postMessage = (data) => inside.dispatchEvent(new MessageEvent("message", { data }));
          this.waiting.forEach((data) => this.postMessage(data));
        };
        inside.document.body.append(script);
      };
      document.body.append(frame);
    }

    postMessage(data) {
      this.waiting.push(data);
    }
  };
}
